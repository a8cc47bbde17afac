use std::path::PathBuf;

use leoscope_core::backends::elements::ElementLocation;
use leoscope_core::backends::store::StoreLocation;
use leoscope_core::client::DEFAULT_PORT;
use leoscope_core::control::{Expiry, Results, Retention};
use leoscope_core::jwt::JwtKey;
use leoscope_core::model::Secret;
use leoscope_core::time::SignedDuration;

use crate::certificate::CertificateFiles;
use crate::limits::Limits;

/// How connections are protected.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Transport {
    /// By TLS, with a certificate in the state directory, made on the first start.
    #[default]
    Tls,
    /// By TLS, with this certificate.
    OwnTls(CertificateFiles),
    /// Not at all: for a proxy in front that does it.
    Plaintext,
}

/// Orbital elements that are provided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ElementsConfig {
    /// The provider of the nodes that they are for, in small letters; `None` for all others.
    pub provider: Option<String>,
    /// Where they are published.
    pub location: ElementLocation,
}

/// What an orchestrator needs to know before it can start.
#[derive(Debug, Clone)]
pub struct OrchestratorConfig {
    /// The name or address to listen on.
    pub host: String,
    /// The port to listen on; 0 lets the system choose one.
    pub port: u16,
    /// The directory for everything that is kept; made if it is not there.
    pub state_dir: PathBuf,
    /// Where the database is; `None` is a SQLite file in the state directory.
    pub store: Option<StoreLocation>,
    /// The directory for results where the settings of the testbed name no blob storage; `None` is one
    /// in the state directory. Several orchestrators of one testbed share it.
    pub artifacts_dir: Option<PathBuf>,
    /// Whether results stay in the directory also where the settings name a blob storage.
    pub no_blob: bool,
    /// How long results are kept; `None` is for ever.
    pub expiry: Option<Expiry>,
    /// How long links to results work that are given to readers.
    pub links_last: SignedDuration,
    /// How long history is kept; `None` is for ever.
    pub retention: Option<Retention>,
    /// What the tokens of the web portal are checked with; `None` takes none.
    pub jwt_key: Option<JwtKey>,
    /// How connections are protected.
    pub transport: Transport,
    /// How much clients may ask for.
    pub limits: Limits,
    /// The origins (`https://portal.example`) whose pages may call with gRPC-web.
    pub web_origins: Vec<String>,
    /// Whether the weather is foretold, and by which address of Open-Meteo's interface where not its own.
    pub weather_forecast: Option<Option<String>>,
    /// The orbital elements that are provided; none without any.
    pub elements: Vec<ElementsConfig>,
    /// Where it is told over HTTP what was counted, `HOST:PORT`; `None` tells nobody.
    pub metrics: Option<String>,
    /// The access token of user `admin`; `None` uses the one in the state directory, made on the
    /// first start.
    pub admin_token: Option<Secret>,
}

impl OrchestratorConfig {
    /// An orchestrator for this machine alone, on the usual port.
    pub fn new(state_dir: impl Into<PathBuf>) -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: DEFAULT_PORT,
            state_dir: state_dir.into(),
            store: None,
            artifacts_dir: None,
            no_blob: false,
            expiry: None,
            links_last: Results::LINKS_LAST,
            retention: None,
            jwt_key: None,
            transport: Transport::default(),
            limits: Limits::default(),
            web_origins: Vec::new(),
            weather_forecast: None,
            elements: Vec::new(),
            metrics: None,
            admin_token: None,
        }
    }
}
