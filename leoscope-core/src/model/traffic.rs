//! What a network interface or an experiment has moved.

/// Bytes that were moved so far, in both directions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Those that were received.
    pub received: u64,
    /// Those that were sent.
    pub sent: u64,
}

impl Traffic {
    /// Both together.
    pub const fn total(self) -> u64 {
        self.received.saturating_add(self.sent)
    }

    /// What was moved from `earlier` to now; `None` where a counter went back, so that it was set anew.
    pub fn since(self, earlier: Self) -> Option<Self> {
        Some(Self {
            received: self.received.checked_sub(earlier.received)?,
            sent: self.sent.checked_sub(earlier.sent)?,
        })
    }

    /// This and `other` together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            received: self.received.saturating_add(other.received),
            sent: self.sent.saturating_add(other.sent),
        }
    }
}
