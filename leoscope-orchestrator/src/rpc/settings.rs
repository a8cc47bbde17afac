use leoscope_core::ports::ControlPlane as _;
use leoscope_core::proto::{settings, unary};
use leoscope_core::{Error, Result};

use super::Call;

pub(super) async fn update_global_config(
    call: &Call,
    request: unary::UpdateSettingsRequest,
) -> Result<unary::UpdateSettingsResponse> {
    let config = request.config.ok_or_else(|| Error::invalid("config is missing"))?;
    call.session.update_settings(config.into()).await?;
    Ok(unary::UpdateSettingsResponse { message: "config updated".to_owned(), ..Default::default() })
}

pub(super) async fn get_global_config(
    call: &Call,
    _: unary::GetSettingsRequest,
) -> Result<unary::GetSettingsResponse> {
    let found = call.session.settings().await?;
    let config = if call.caller.role.is_node() { settings::for_node(found) } else { found.into() };
    Ok(unary::GetSettingsResponse { config: Some(config), error: None })
}
