//! Cases for the kernel port.

#![expect(clippy::unwrap_used, reason = "a case fails by panicking")]

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::ErrorKind;
use crate::model::{CongestionControl, KernelSetting, Parameter};
use crate::ports::{Kernel, Place};

/// What a case works with: a kernel, and a place at which its settings may be changed.
#[derive(Clone)]
pub struct Harness {
    /// The kernel.
    pub kernel: Arc<dyn Kernel>,
    /// Where settings are read and written.
    pub place: Place,
    /// Two congestion controls that may be used there.
    pub controls: [CongestionControl; 2],
}

/// One case: it panics if the port breaks its promise.
pub type Case = fn(Harness) -> BoxFuture<'static, ()>;

macro_rules! cases {
    ($($name:ident)*) => {
        /// All cases, by name.
        pub const CASES: &[(&str, Case)] = &[$((stringify!($name), |host| Box::pin($name(host))),)*];
    };
}

cases! {
    what_is_written_is_read
    a_refused_value_changes_nothing
    a_setting_that_is_not_there_is_not_found
}

const CONTROL: KernelSetting = KernelSetting::CongestionControl;

async fn what_is_written_is_read(host: Harness) {
    let Harness { kernel, place, controls: [first, second] } = host;
    let available = kernel.available().await.unwrap();
    for name in [&first, &second, &first] {
        assert!(available.contains(name), "{name} in {available:?}");
        kernel.write(place, &CONTROL, name.as_str()).await.unwrap();
        assert_eq!(kernel.read(place, &CONTROL).await.unwrap(), name.as_str());
    }
}

async fn a_refused_value_changes_nothing(host: Harness) {
    let Harness { kernel, place, controls: [first, _] } = host;
    kernel.write(place, &CONTROL, first.as_str()).await.unwrap();
    let refused = kernel.write(place, &CONTROL, "no-such-control").await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidArgument, "{refused}");
    assert_eq!(kernel.read(place, &CONTROL).await.unwrap(), first.as_str());
}

async fn a_setting_that_is_not_there_is_not_found(host: Harness) {
    let Harness { kernel, place, controls: _ } = host;
    let setting = KernelSetting::Bbr2(Parameter::parse("leoscope_has_no_such_parameter").unwrap());
    assert_eq!(kernel.read(place, &setting).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(kernel.write(place, &setting, "1").await.unwrap_err().kind(), ErrorKind::NotFound);
}
