//! Where orbital elements come from.

use clap::Args;
use leoscope_core::backends::elements::ElementLocation;
use leoscope_core::{Error, Result};
use leoscope_orchestrator::ElementsConfig;

/// What says that there are none.
const NONE: &str = "none";

#[derive(Debug, Args)]
pub(crate) struct ElementArgs {
    /// Where the orbital elements of satellites are published, separated by commas: celestrak for those of
    /// Starlink, celestrak:GROUP, an address that begins with https://, or a file; none for none. With
    /// PROVIDER= in front they are for the nodes of that provider, else for all others
    #[arg(long, value_name = "[PROVIDER=]SOURCE", value_delimiter = ',', default_value = "celestrak")]
    elements: Vec<String>,

    /// Who foretells the weather for forecasts of triggers: open-meteo (see its terms), another address of
    /// its interface, or none
    #[arg(long, value_name = "SOURCE", default_value = NONE)]
    weather_forecast: String,
}

impl ElementArgs {
    pub(crate) fn weather_forecast(&self) -> Result<Option<Option<String>>> {
        match self.weather_forecast.as_str() {
            NONE => Ok(None),
            "open-meteo" => Ok(Some(None)),
            address if address.starts_with("https://") || address.starts_with("http://") => {
                Ok(Some(Some(address.to_owned())))
            }
            other => Err(Error::invalid(format!("--weather-forecast {other:?} foretells no weather"))
                .hint("give open-meteo, an address that begins with https://, or none")),
        }
    }

    pub(crate) fn config(&self) -> Result<Vec<ElementsConfig>> {
        if self.elements.iter().all(|text| text == NONE) {
            return Ok(Vec::new());
        }
        let sets: Vec<ElementsConfig> = self.elements.iter().map(|text| set(text)).collect::<Result<_>>()?;
        for (place, one) in sets.iter().enumerate() {
            if sets[..place].iter().any(|other| other.provider == one.provider) {
                let which = one.provider.as_deref().unwrap_or("all other nodes");
                return Err(Error::invalid(format!("--elements names two sources for {which}"))
                    .hint("give one for each provider, and one without a provider"));
            }
        }
        Ok(sets)
    }
}

fn set(text: &str) -> Result<ElementsConfig> {
    // A query has equal signs as well, and a provider neither dots nor slashes.
    let named = text.split_once('=').filter(|(name, _)| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    });
    let (provider, source) = match named {
        Some((name, source)) => (Some(name.to_ascii_lowercase()), source),
        None => (None, text),
    };
    let location = ElementLocation::parse(source).map_err(|error| error.context("--elements"))?;
    Ok(ElementsConfig { provider, location })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(texts: &[&str]) -> Result<Vec<ElementsConfig>> {
        ElementArgs {
            weather_forecast: NONE.into(),
            elements: texts.iter().map(ToString::to_string).collect(),
        }
        .config()
    }

    #[test]
    fn sets_are_for_a_provider_or_for_all_others() {
        let sets = read(&["./a=b.csv", "OneWeb=celestrak:oneweb"]).expect("sets");
        assert_eq!(
            sets[0],
            ElementsConfig { provider: None, location: ElementLocation::File("./a=b.csv".into()) }
        );
        assert_eq!(sets[1].provider.as_deref(), Some("oneweb"));
        assert_eq!(read(&["none"]).expect("none"), Vec::new());
        read(&["a.csv", "b.csv"]).expect_err("two for all");
        read(&["x=ftp://host/"]).expect_err("no place");
    }
}
