//! Users.

use super::unary;
use crate::error::{Error, Result};
use crate::ids::UserId;
use crate::model::{NewUser, Role};

impl From<Role> for unary::UserRole {
    fn from(role: Role) -> Self {
        match role {
            Role::Admin => Self::Admin,
            Role::User => Self::User,
            Role::Node => Self::Node,
            Role::UserPriv => Self::UserPriv,
            Role::NodePriv => Self::NodePriv,
            Role::NodeOwner => Self::NodeOwner,
        }
    }
}

impl From<unary::UserRole> for Role {
    fn from(role: unary::UserRole) -> Self {
        match role {
            unary::UserRole::Admin => Self::Admin,
            unary::UserRole::User => Self::User,
            unary::UserRole::Node => Self::Node,
            unary::UserRole::UserPriv => Self::UserPriv,
            unary::UserRole::NodePriv => Self::NodePriv,
            unary::UserRole::NodeOwner => Self::NodeOwner,
        }
    }
}

fn new_user(id: &str, name: String, role: i32, team: String) -> Result<NewUser> {
    let role = unary::UserRole::try_from(role)
        .map_err(|_| Error::invalid(format!("role: {role} is not one")).hint("use a number from 0 to 5"))?;
    Ok(NewUser { id: UserId::parse(id)?, name, role: role.into(), team })
}

impl TryFrom<unary::RegisterUserRequest> for NewUser {
    type Error = Error;
    fn try_from(request: unary::RegisterUserRequest) -> Result<Self> {
        let unary::RegisterUserRequest { id, name, role, team } = request;
        new_user(&id, name, role, team)
    }
}

impl From<NewUser> for unary::RegisterUserRequest {
    fn from(NewUser { id, name, role, team }: NewUser) -> Self {
        Self { id: id.into(), name, role: unary::UserRole::from(role).into(), team }
    }
}

impl TryFrom<unary::ModifyUserRequest> for NewUser {
    type Error = Error;
    fn try_from(request: unary::ModifyUserRequest) -> Result<Self> {
        let unary::ModifyUserRequest { id, name, role, team } = request;
        new_user(&id, name, role, team)
    }
}

impl From<NewUser> for unary::ModifyUserRequest {
    fn from(NewUser { id, name, role, team }: NewUser) -> Self {
        Self { id: id.into(), name, role: unary::UserRole::from(role).into(), team }
    }
}

impl From<Option<NewUser>> for unary::GetUserResponse {
    fn from(user: Option<NewUser>) -> Self {
        let Some(NewUser { id, name, role, team }) = user else { return Self::default() };
        let role = unary::UserRole::from(role).into();
        Self { exists: true, id: id.into(), name, role, team, error: None }
    }
}

impl TryFrom<unary::GetUserResponse> for Option<NewUser> {
    type Error = Error;
    fn try_from(response: unary::GetUserResponse) -> Result<Self> {
        let unary::GetUserResponse { exists, id, name, role, team, error: _ } = response;
        exists.then(|| new_user(&id, name, role, team)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_of_every_role_comes_back_as_it_went() {
        for role in Role::ALL {
            let user = NewUser {
                id: "someone@example.org".parse().expect("id"),
                name: "Some One".into(),
                role,
                team: "lab".into(),
            };
            let request = unary::RegisterUserRequest::from(user.clone());
            assert_eq!(NewUser::try_from(request).expect("register"), user);
            let request = unary::ModifyUserRequest::from(user.clone());
            assert_eq!(NewUser::try_from(request).expect("modify"), user);
            let response = unary::GetUserResponse::from(Some(user.clone()));
            assert!(response.exists);
            assert_eq!(Option::<NewUser>::try_from(response).expect("get"), Some(user));
        }
        let nobody = unary::GetUserResponse::from(None);
        assert!(!nobody.exists);
        assert_eq!(Option::<NewUser>::try_from(nobody).expect("get"), None);
    }

    #[test]
    fn a_role_that_is_none_is_named() {
        let request = unary::RegisterUserRequest { id: "a".into(), role: 6, ..Default::default() };
        assert_eq!(NewUser::try_from(request).expect_err("role").message(), "role: 6 is not one");
    }
}
