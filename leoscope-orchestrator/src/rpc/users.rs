use leoscope_core::Result;
use leoscope_core::ids::UserId;
use leoscope_core::ports::ControlPlane as _;
use leoscope_core::proto::unary;

use super::Call;

pub(super) async fn register_user(
    call: &Call,
    request: unary::RegisterUserRequest,
) -> Result<unary::RegisterUserResponse> {
    let token = call.session.register_user(request.try_into()?).await?;
    let message = format!("user registered access_token={}", token.expose());
    Ok(unary::RegisterUserResponse { message, access_token: token.expose().to_owned(), ..Default::default() })
}

pub(super) async fn get_user(call: &Call, request: unary::GetUserRequest) -> Result<unary::GetUserResponse> {
    Ok(call.session.user(&UserId::parse(&request.userid)?).await?.into())
}

pub(super) async fn modify_user(
    call: &Call,
    request: unary::ModifyUserRequest,
) -> Result<unary::ModifyUserResponse> {
    call.session.modify_user(request.try_into()?).await?;
    Ok(unary::ModifyUserResponse { message: "user updated".to_owned(), ..Default::default() })
}

pub(super) async fn delete_user(
    call: &Call,
    request: unary::DeleteUserRequest,
) -> Result<unary::DeleteUserResponse> {
    call.session.delete_user(&UserId::parse(&request.userid)?).await?;
    Ok(unary::DeleteUserResponse { message: "user deleted".to_owned(), ..Default::default() })
}
