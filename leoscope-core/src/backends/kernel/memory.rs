//! Kernel settings in memory, for tests and simulations.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::error::{Error, Result};
use crate::model::{CongestionControl, KernelSetting};
use crate::ports::{Kernel, Place};

/// Settings of a kernel that is not there. There is one value for all networks.
#[derive(Debug)]
pub struct MemoryKernel {
    available: Vec<CongestionControl>,
    values: Mutex<BTreeMap<KernelSetting, String>>,
}

impl MemoryKernel {
    /// A kernel with these congestion controls, the first of which is in use.
    pub fn new(available: Vec<CongestionControl>) -> Self {
        let used = available.first().map(|name| (KernelSetting::CongestionControl, name.to_string()));
        Self { available, values: Mutex::new(used.into_iter().collect()) }
    }

    /// Gives the kernel a setting, or another value of one, as if somebody else had set it.
    pub fn set(&self, setting: KernelSetting, value: &str) {
        self.values().insert(setting, value.to_owned());
    }

    fn values(&self) -> MutexGuard<'_, BTreeMap<KernelSetting, String>> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Kernel for MemoryKernel {
    async fn available(&self) -> Result<Vec<CongestionControl>> {
        Ok(self.available.clone())
    }

    async fn read(&self, _place: Place, setting: &KernelSetting) -> Result<String> {
        let value = self.values().get(setting).cloned();
        value.ok_or_else(|| Error::not_found(format!("the kernel has no setting {setting}")))
    }

    async fn write(&self, _place: Place, setting: &KernelSetting, value: &str) -> Result<()> {
        let known = self.available.iter().any(|name| name.as_str() == value);
        let mut values = self.values();
        let Some(current) = values.get_mut(setting) else {
            return Err(Error::not_found(format!("the kernel has no setting {setting}")));
        };
        if *setting == KernelSetting::CongestionControl && !known {
            return Err(Error::invalid(format!("the kernel refuses {value:?} for {setting}")));
        }
        value.clone_into(current);
        Ok(())
    }
}
