use leoscope_core::ids::UserId;
use leoscope_core::ports::ControlPlane as _;
use leoscope_core::proto::v1;
use leoscope_core::proto::v1::accounts_server::Accounts;
use tonic::{Request, Response, Status};

use super::{Call, Shared, status};

/// Access tokens.
#[derive(Debug)]
pub(crate) struct Tokens(pub(crate) Shared);

#[tonic::async_trait]
impl Accounts for Tokens {
    async fn rotate_token(
        &self,
        request: Request<v1::RotateTokenRequest>,
    ) -> Result<Response<v1::RotateTokenResponse>, Status> {
        let call = Call::of(&self.0, &request)?;
        let user = UserId::parse(&request.into_inner().userid).map_err(|e| status(&e))?;
        let token = call.session.rotate_token(&user).await.map_err(|e| status(&e))?;
        Ok(Response::new(v1::RotateTokenResponse { access_token: token.expose().to_owned() }))
    }

    async fn revoke_token(
        &self,
        request: Request<v1::RevokeTokenRequest>,
    ) -> Result<Response<v1::RevokeTokenResponse>, Status> {
        let call = Call::of(&self.0, &request)?;
        let user = UserId::parse(&request.into_inner().userid).map_err(|e| status(&e))?;
        call.session.revoke_token(&user).await.map_err(|e| status(&e))?;
        Ok(Response::new(v1::RevokeTokenResponse {}))
    }
}
