//! `leoscope user`: register and manage users.

use clap::{Args, Subcommand};
use leoscope_core::ids::UserId;
use leoscope_core::model::{NewUser, Role};
use leoscope_core::{Error, Result};
use serde_json::json;

use crate::connect::Session;
use crate::exit::ExitStatus;
use crate::output::Output;

/// The `user` commands.
#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Register a user and print its access token, once
    Register(Register),
    /// Show a user
    Get(Get),
    /// Change name, role or team of a user; what is not given stays
    Modify(Modify),
    /// Remove a user; what it booked stays
    Delete(Delete),
    /// Replace or revoke an access token
    #[command(subcommand)]
    Token(TokenCommand),
}

/// The `user token` commands.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a new access token and print it, once; the old one is no more
    Rotate(Of),
    /// Take the access token away: nobody can call with it any more
    Revoke(Of),
}

/// Whose token.
#[derive(Debug, Args)]
pub(crate) struct Of {
    /// The user [default: yourself]
    #[arg(long)]
    id: Option<UserId>,
}

/// Options of `user register`.
#[derive(Debug, Args)]
pub(crate) struct Register {
    /// The id under which the user will call
    #[arg(long)]
    id: UserId,
    /// A name for people to read [default: the id]
    #[arg(long)]
    name: Option<String>,
    /// user, admin, node, user_priv, node_priv or node_owner
    #[arg(long, default_value = "user")]
    role: Role,
    /// The group the user belongs to
    #[arg(long, default_value = "", hide_default_value = true)]
    team: String,
}

/// Options of `user get`.
#[derive(Debug, Args)]
pub(crate) struct Get {
    /// The user [default: yourself]
    #[arg(long)]
    id: Option<UserId>,
}

/// Options of `user modify`.
#[derive(Debug, Args)]
pub(crate) struct Modify {
    /// The user to change
    #[arg(long)]
    id: UserId,
    /// The new name
    #[arg(long)]
    name: Option<String>,
    /// The new role: user, admin, node, user_priv, node_priv or node_owner
    #[arg(long)]
    role: Option<Role>,
    /// The new team
    #[arg(long)]
    team: Option<String>,
}

/// Options of `user delete`.
#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// The user to remove
    #[arg(long)]
    id: UserId,
}

/// Runs a `user` command.
pub(crate) async fn run(command: UserCommand, session: &Session, out: &Output) -> Result<ExitStatus> {
    match command {
        UserCommand::Register(Register { id, name, role, team }) => {
            let name = name.unwrap_or_else(|| id.to_string());
            let user = NewUser { id: id.clone(), name, role, team };
            let token = session.connect()?.register_user(user).await?;
            out.token(&id, &token);
        }
        UserCommand::Get(Get { id }) => {
            let id = id.map_or_else(|| session.caller().cloned(), Ok)?;
            let user = session.connect()?.user(&id).await?.ok_or_else(|| unknown(&id))?;
            out.one(&user);
        }
        UserCommand::Modify(modify) => {
            let id = change(modify, session).await?;
            out.done(&id, &format!("user {id} is changed"), json!({}));
        }
        UserCommand::Delete(Delete { id }) => {
            session.connect()?.delete_user(&id).await?;
            out.done(&id, &format!("user {id} is deleted"), json!({}));
        }
        UserCommand::Token(TokenCommand::Rotate(Of { id })) => {
            let id = id.map_or_else(|| session.caller().cloned(), Ok)?;
            let token = session.connect()?.rotate_token(&id).await?;
            out.token(&id, &token);
        }
        UserCommand::Token(TokenCommand::Revoke(Of { id })) => {
            let id = id.map_or_else(|| session.caller().cloned(), Ok)?;
            session.connect()?.revoke_token(&id).await?;
            out.done(&id, &format!("the access token of user {id} is revoked"), json!({}));
        }
    }
    Ok(ExitStatus::Done)
}

/// Changes what was given and keeps the rest, as the call takes the user whole.
async fn change(Modify { id, name, role, team }: Modify, session: &Session) -> Result<UserId> {
    if name.is_none() && role.is_none() && team.is_none() {
        return Err(
            Error::invalid(format!("nothing to change of user {id}")).hint("give --name, --role or --team")
        );
    }
    let plane = session.connect()?;
    let NewUser { id, name: old_name, role: old_role, team: old_team } =
        plane.user(&id).await?.ok_or_else(|| unknown(&id))?;
    let user = NewUser {
        id: id.clone(),
        name: name.unwrap_or(old_name),
        role: role.unwrap_or(old_role),
        team: team.unwrap_or(old_team),
    };
    plane.modify_user(user).await?;
    Ok(id)
}

fn unknown(id: &UserId) -> Error {
    Error::not_found(format!("there is no user {id}")).hint("check the id, or register the user first")
}
