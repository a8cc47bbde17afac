use super::Session;
use super::service::ADMIN;
use super::text::check_text;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::UserId;
use crate::model::{NewUser, Secret, TokenHash, User};
use crate::policy::Action;

impl Session {
    pub(super) async fn do_register_user(&self, user: NewUser) -> Result<Secret> {
        self.require(&Action::ManageUsers)?;
        check(&user)?;
        let token = Secret::random_token()?;
        let NewUser { id, name, role, team } = user;
        let user = User { id, name, role, team, token: Some(TokenHash::of(&token)) };
        match self.service.store.insert_user(&user).await {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                Err(Error::new(ErrorKind::AlreadyExists, "user with given id already exists")
                    .hint(format!("choose another id than {}", user.id)))
            }
            other => other.map(|()| token),
        }
    }

    pub(super) async fn do_user(&self, id: &UserId) -> Result<Option<NewUser>> {
        let served = match self.caller.node() {
            Some(node) => {
                let jobs = self.service.timetable(std::iter::once(&node)).await?.jobs;
                jobs.iter().any(|job| job.owner == *id)
            }
            None => false,
        };
        self.require(&Action::ReadUser { user: id, served })?;
        let user = self.service.store.user(id).await?;
        Ok(user.map(|User { id, name, role, team, token: _ }| NewUser { id, name, role, team }))
    }

    pub(super) async fn do_kernel_access(&self, id: &UserId) -> Result<()> {
        self.require(&Action::AskKernelAccess)?;
        let user = self.service.store.user(id).await?.ok_or_else(|| missing(id))?;
        if user.role.may_change_kernel() {
            return Ok(());
        }
        let User { id, role, .. } = user;
        Err(Error::new(
            ErrorKind::PermissionDenied,
            format!("permission denied: userid={id} and role={role}"),
        )
        .hint("an administrator may give the user role USER_PRIV"))
    }

    pub(super) async fn do_modify_user(&self, user: NewUser) -> Result<()> {
        self.require(&Action::ManageUsers)?;
        check(&user)?;
        let stored = self.service.store.user(&user.id).await?.ok_or_else(|| missing(&user.id))?;
        let NewUser { id, name, role, team } = user;
        self.service.store.update_user(&User { id, name, role, team, token: stored.token }).await
    }

    pub(super) async fn do_rotate_token(&self, id: &UserId) -> Result<Secret> {
        self.require(&Action::ChangeToken(id))?;
        let token = Secret::random_token()?;
        self.change_token(id, Some(TokenHash::of(&token))).await?;
        Ok(token)
    }

    pub(super) async fn do_revoke_token(&self, id: &UserId) -> Result<()> {
        self.require(&Action::ChangeToken(id))?;
        self.change_token(id, None).await
    }

    async fn change_token(&self, id: &UserId, token: Option<TokenHash>) -> Result<()> {
        if id.as_str() == ADMIN {
            return Err(Error::invalid("the access token of user admin is kept by its orchestrator")
                .hint("start the orchestrator with another one: --admin-access-token-file"));
        }
        let stored = self.service.store.user(id).await?.ok_or_else(|| missing(id))?;
        self.service.store.update_user(&User { token, ..stored }).await
    }

    pub(super) async fn do_delete_user(&self, id: &UserId) -> Result<()> {
        self.require(&Action::ManageUsers)?;
        if *id == self.caller.id {
            return Err(Error::invalid(format!("user {id} cannot delete itself"))
                .hint("let another administrator do it"));
        }
        match self.service.store.delete_user(id).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Err(missing(id)),
            other => other,
        }
    }
}

fn check(user: &NewUser) -> Result<()> {
    check_text("name", &user.name)?;
    check_text("team", &user.team)
}

fn missing(id: &UserId) -> Error {
    Error::not_found("user with given id does not exist").hint(format!("check the id {id}"))
}
