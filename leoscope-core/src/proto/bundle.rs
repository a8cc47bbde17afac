//! Bundles on their way.

use super::{micros, present, unary, v1};
use crate::error::{Error, Result};
use crate::model::{BundleFacts, BundleRecord, ExperimentFiles, Secret};
use crate::ports::Handover;
use crate::time::Timestamp;

impl From<BundleRecord> for unary::BundleRecord {
    fn from(record: BundleRecord) -> Self {
        let BundleRecord { facts: BundleFacts { size, sha256 }, stored, removed } = record;
        Self {
            size,
            sha256: sha256.to_string(),
            stored_us: stored.as_microsecond(),
            removed_us: removed.map(Timestamp::as_microsecond),
        }
    }
}

impl TryFrom<unary::BundleRecord> for BundleRecord {
    type Error = Error;
    fn try_from(record: unary::BundleRecord) -> Result<Self> {
        let unary::BundleRecord { size, sha256, stored_us, removed_us } = record;
        Ok(Self {
            facts: BundleFacts { size, sha256: sha256.parse()? },
            stored: micros("bundle.stored_us", stored_us)?,
            removed: removed_us.map(|us| micros("bundle.removed_us", us)).transpose()?,
        })
    }
}

impl From<BundleFacts> for v1::BundleFacts {
    fn from(facts: BundleFacts) -> Self {
        let BundleFacts { size, sha256 } = facts;
        Self { size, sha256: sha256.to_string() }
    }
}

impl TryFrom<v1::BundleFacts> for BundleFacts {
    type Error = Error;
    fn try_from(facts: v1::BundleFacts) -> Result<Self> {
        let v1::BundleFacts { size, sha256 } = facts;
        Ok(Self { size, sha256: sha256.parse()? })
    }
}

/// The facts of a bundle that a request must name.
///
/// # Errors
/// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) when it does not, or names what is none.
pub fn facts(bundle: Option<v1::BundleFacts>) -> Result<BundleFacts> {
    present("bundle", bundle)?.try_into()
}

impl From<Handover> for v1::BeginUploadResponse {
    fn from(handover: Handover) -> Self {
        use v1::begin_upload_response::How;
        let how = match handover {
            Handover::Stored => How::Stored(true),
            Handover::Through { from } => How::ThroughFrom(from),
            Handover::Direct { link, expires } => How::Direct(v1::UploadLink {
                url: link.expose().to_owned(),
                expires_us: expires.as_microsecond(),
            }),
        };
        Self { how: Some(how) }
    }
}

impl TryFrom<v1::BeginUploadResponse> for Handover {
    type Error = Error;
    fn try_from(answer: v1::BeginUploadResponse) -> Result<Self> {
        use v1::begin_upload_response::How;
        Ok(match present("how", answer.how)? {
            How::Stored(_) => Self::Stored,
            How::ThroughFrom(from) => Self::Through { from },
            How::Direct(v1::UploadLink { url, expires_us }) => {
                Self::Direct { link: Secret::new(url), expires: micros("direct.expires_us", expires_us)? }
            }
        })
    }
}

impl From<ExperimentFiles> for v1::GetExperimentFilesResponse {
    fn from(files: ExperimentFiles) -> Self {
        let ExperimentFiles { config, arguments } = files;
        Self { config, arguments }
    }
}

impl From<v1::GetExperimentFilesResponse> for ExperimentFiles {
    fn from(files: v1::GetExperimentFilesResponse) -> Self {
        let v1::GetExperimentFilesResponse { config, arguments } = files;
        Self { config, arguments }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_of_bundles_comes_back_as_it_went() {
        let facts = BundleFacts { size: 7, sha256: "0f".repeat(32).parse().expect("checksum") };
        assert_eq!(super::facts(Some(facts.into())).expect("facts"), facts);
        let at = Timestamp::from_second(1_800_000_000).expect("time");
        for removed in [None, Some(at)] {
            let record = BundleRecord { facts, stored: at, removed };
            assert_eq!(BundleRecord::try_from(unary::BundleRecord::from(record)).expect("record"), record);
        }
        let direct = Handover::Direct { link: Secret::new("https://a/b?sig=c"), expires: at };
        for handover in [Handover::Stored, Handover::Through { from: 9 }, direct] {
            let wire = v1::BeginUploadResponse::from(handover.clone());
            assert_eq!(Handover::try_from(wire).expect("handover"), handover);
        }
        super::facts(None).expect_err("none");
        super::facts(Some(v1::BundleFacts { size: 1, sha256: "x".into() })).expect_err("no checksum");
    }
}
