//! The command line.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand};
use leoscope_core::backends::store::StoreLocation;
use leoscope_core::client::DEFAULT_PORT;
use leoscope_core::control::Retention;
use leoscope_core::jwt::{ALGORITHM, JwtKey};
use leoscope_core::model::Secret;
use leoscope_core::{Error, Result};
use leoscope_orchestrator::{OrchestratorConfig, database};

/// The environment, as it came.
pub(crate) type Env = BTreeMap<String, String>;

/// The secrets that orchestrators of the public testbed start with when they are given none.
const WELL_KNOWN: [&str; 2] = ["leotest-access-token", "jwt-secret"];

/// The port of MongoDB servers.
const MONGODB_PORT: u16 = 27_017;

/// The database that orchestrators of the public LEOScope testbed use.
const MONGODB_NAME: &str = "leotest";

/// Books experiments, hands them to the nodes of the testbed and keeps their results.
///
/// Without a command it serves.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) serve: ServeArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write everything in the database as lines of JSON.
    ///
    /// They hold the hashes of access tokens and the keys in the settings: keep them as you keep
    /// the database.
    Export(ExportArgs),
    /// Take in everything from a backup, another database, or one of the public LEOScope testbed.
    ///
    /// What is here stays. It may be done again, also while the testbed is in use.
    Import(ImportArgs),
}

/// Where the database is.
#[derive(Debug, Args)]
pub(crate) struct DatabaseArgs {
    /// The directory for the database, the results, the certificate and the admin's token
    /// [env: LEOSCOPE_STATE_DIR].
    #[arg(long)]
    state_dir: Option<PathBuf>,

    /// The database: sqlite:PATH, mongodb://HOST:PORT/NAME or memory: [env: LEOSCOPE_DATABASE];
    /// without one, a SQLite file in the state directory.
    #[arg(long, value_name = "LOCATION", conflicts_with = "mongodb")]
    database: Option<String>,

    /// A file that holds the location of the database, for one with a password: other users of
    /// this machine can read a command line.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["database", "mongodb"])]
    database_file: Option<PathBuf>,

    #[command(flatten)]
    mongodb: MongoArgs,
}

/// A MongoDB server, as the orchestrator of the public LEOScope testbed is told of it.
#[derive(Debug, Args)]
#[group(id = "mongodb", multiple = true)]
struct MongoArgs {
    /// The host of a MongoDB server without access control [default: localhost].
    #[arg(long)]
    db_server: Option<String>,
    /// Its port [default: 27017].
    #[arg(long)]
    db_port: Option<u16>,
    /// The name of the database on it [default: leotest].
    #[arg(long)]
    db_name: Option<String>,
}

impl DatabaseArgs {
    fn state_dir(&self, env: &Env) -> PathBuf {
        let from_env = || env.get("LEOSCOPE_STATE_DIR").map(PathBuf::from);
        self.state_dir.clone().or_else(from_env).unwrap_or_else(|| PathBuf::from("leoscope-state"))
    }

    /// The database that was named, if one was.
    fn location(&self, env: &Env) -> Result<Option<StoreLocation>> {
        let MongoArgs { db_server, db_port, db_name } = &self.mongodb;
        if db_server.is_some() || db_port.is_some() || db_name.is_some() {
            let host = db_server.as_deref().unwrap_or("localhost");
            let name = db_name.as_deref().unwrap_or(MONGODB_NAME);
            return StoreLocation::mongodb(host, db_port.unwrap_or(MONGODB_PORT), name).map(Some);
        }
        let text = match &self.database_file {
            Some(file) => Some(read(file, "--database-file")?),
            None => self.database.clone().or_else(|| env.get("LEOSCOPE_DATABASE").cloned()),
        };
        text.map(|text| text.parse().map_err(|error: Error| error.context("--database"))).transpose()
    }

    /// The database to read from or write to.
    pub(crate) fn resolve(&self, env: &Env) -> Result<StoreLocation> {
        Ok(self.location(env)?.unwrap_or_else(|| database(&self.state_dir(env))))
    }
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// The name or address to listen on; 0.0.0.0 for all of this machine.
    #[arg(long, default_value = "127.0.0.1")]
    grpc_hostname: String,

    /// The port to listen on.
    #[arg(long, default_value_t = DEFAULT_PORT)]
    grpc_port: u16,

    /// How many threads serve [default: as many as there are processors].
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) grpc_workers: Option<u16>,

    #[command(flatten)]
    database: DatabaseArgs,

    /// The directory for results; orchestrators of one testbed share it [default: in the state
    /// directory].
    #[arg(long)]
    artifacts_dir: Option<PathBuf>,

    /// For how many days after their end runs, their results and jobs are kept [default: for ever].
    #[arg(long)]
    retention_days: Option<u32>,

    /// The access token of user admin [env: LEOSCOPE_ADMIN_ACCESS_TOKEN]; without one, the token
    /// in the state directory is used, made on the first start.
    #[arg(long)]
    admin_access_token: Option<String>,

    /// A file that holds the access token of user admin.
    #[arg(long, conflicts_with = "admin_access_token")]
    admin_access_token_file: Option<PathBuf>,

    /// The secret that the web portal signs its tokens with [env: LEOSCOPE_JWT_SECRET]; without
    /// one, no tokens of the portal are taken.
    #[arg(long)]
    jwt_secret: Option<String>,

    /// A file that holds that secret.
    #[arg(long, conflicts_with = "jwt_secret")]
    jwt_secret_file: Option<PathBuf>,

    /// How the portal signs its tokens: HS256 is all there is.
    #[arg(long, default_value = ALGORITHM)]
    jwt_algo: String,

    /// Take secrets that everybody knows, because they are the defaults of the public testbed.
    #[arg(long)]
    insecure: bool,
}

impl ServeArgs {
    /// The settings that these arguments and the environment give.
    pub(crate) fn config(self, env: &Env) -> Result<OrchestratorConfig> {
        let Self {
            grpc_hostname,
            grpc_port,
            grpc_workers: _,
            database,
            artifacts_dir,
            retention_days,
            admin_access_token,
            admin_access_token_file,
            jwt_secret,
            jwt_secret_file,
            jwt_algo,
            insecure,
        } = self;
        let token = match admin_access_token_file {
            Some(file) => Some(read(&file, "--admin-access-token-file")?),
            None => admin_access_token.or_else(|| env.get("LEOSCOPE_ADMIN_ACCESS_TOKEN").cloned()),
        };
        let jwt_secret = match jwt_secret_file {
            Some(file) => Some(read(&file, "--jwt-secret-file")?),
            None => jwt_secret.or_else(|| env.get("LEOSCOPE_JWT_SECRET").cloned()),
        };
        if jwt_secret.is_some() && jwt_algo != ALGORITHM {
            return Err(Error::invalid(format!("{jwt_algo:?} is no way to sign tokens that is taken here"))
                .hint(format!("let the portal sign with {ALGORITHM}, and leave --jwt-algo out")));
        }
        for (option, secret) in [("--admin-access-token", &token), ("--jwt-secret", &jwt_secret)] {
            if let Some(known) = WELL_KNOWN.iter().find(|known| secret.as_deref() == Some(**known)) {
                if !insecure {
                    return Err(Error::invalid(format!("{option} is {known:?}, which everybody knows"))
                        .hint("choose a secret of your own; --insecure takes it all the same"));
                }
                tracing::warn!(option, "everybody knows this secret and can do everything here");
            }
        }
        Ok(OrchestratorConfig {
            host: grpc_hostname,
            port: grpc_port,
            state_dir: database.state_dir(env),
            store: database.location(env)?,
            artifacts_dir,
            retention: retention_days.map(Retention::days).transpose()?,
            jwt_key: jwt_secret.map(Secret::new).map(JwtKey::new).transpose()?,
            admin_token: token.map(Secret::new),
        })
    }
}

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
    /// The file to write, which must not exist yet; '-' for standard output.
    #[arg(long, default_value = "-")]
    pub(crate) to: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
    /// A backup file ('-' for standard input), sqlite:PATH, or mongodb://HOST:PORT/NAME, of this
    /// program or of the public LEOScope testbed [env: LEOSCOPE_IMPORT_FROM].
    #[arg(long, value_name = "FILE or LOCATION")]
    pub(crate) from: Option<String>,
    /// Let administrators of the public LEOScope testbed stay administrators; some of those
    /// testbeds make one of everybody who signs up.
    #[arg(long)]
    pub(crate) keep_admins: bool,
}

fn read(file: &Path, option: &str) -> Result<String> {
    std::fs::read_to_string(file).map(|text| text.trim().to_owned()).map_err(|e| {
        Error::invalid(format!("cannot read {}: {e}", file.display())).hint(format!("check {option}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn location(line: &str, env: &[(&str, &str)]) -> Result<StoreLocation> {
        let cli = Cli::try_parse_from(line.split(' ')).map_err(|e| Error::invalid(e.to_string()))?;
        let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        match cli.command {
            Some(Command::Export(export)) => export.database.resolve(&env),
            Some(Command::Import(import)) => import.database.resolve(&env),
            None => cli.serve.database.resolve(&env),
        }
    }

    #[test]
    fn the_database_is_what_comes_first_of_flags_environment_and_state_directory() {
        let sqlite = |path: &str| StoreLocation::Sqlite(path.into());
        let mongodb = |uri: &str| StoreLocation::MongoDb(Secret::new(uri));
        let env = [("LEOSCOPE_DATABASE", "mongodb://h/e"), ("LEOSCOPE_STATE_DIR", "s")];
        for (line, env, expected) in [
            ("o", &[][..], sqlite("leoscope-state/leoscope.db")),
            ("o --state-dir=d", &[], sqlite("d/leoscope.db")),
            ("o", &env[1..], sqlite("s/leoscope.db")),
            ("o", &env, mongodb("mongodb://h/e")),
            ("o --database=sqlite:x", &env, sqlite("x")),
            ("o --db-server=db", &env, mongodb("mongodb://db:27017/leotest")),
            ("o --db-port=1 --db-name=n", &env, mongodb("mongodb://localhost:1/n")),
            ("o export --database=sqlite:x", &env, sqlite("x")),
            ("o import --from=f --db-server=db", &env, mongodb("mongodb://db:27017/leotest")),
        ] {
            assert_eq!(location(line, env).expect(line), expected, "{line}");
        }
        for bad in [
            "o --database=x",
            "o --db-server=u:p@h",
            "o --database=sqlite:x --db-name=n",
            "o --database=sqlite:x --database-file=f",
            "o --grpc-port=1 export",
        ] {
            location(bad, &[]).expect_err(bad);
        }
        let config = |line: &str| {
            let cli = Cli::try_parse_from(line.split(' ')).map_err(|e| Error::invalid(e.to_string()))?;
            cli.serve.config(&Env::new())
        };
        // The defaults of the public testbed, and no way to sign, are no protection.
        for bad in [
            "o --admin-access-token=leotest-access-token",
            "o --jwt-secret=jwt-secret --jwt-algo=HS256",
            "o --jwt-secret=own --jwt-algo=none",
            "o --jwt-secret=own --jwt-algo=jwt-algo",
        ] {
            config(bad).expect_err(bad);
        }
        for good in [
            "o --admin-access-token=leotest-access-token --jwt-secret=jwt-secret --insecure",
            "o --jwt-secret=own --jwt-algo=HS256",
        ] {
            assert!(config(good).expect(good).jwt_key.is_some());
        }
        assert!(config("o").expect("config").jwt_key.is_none());
        Cli::try_parse_from(["o", "--retention-days=1"])
            .expect("number")
            .serve
            .config(&Env::new())
            .expect_err("1");
    }
}
