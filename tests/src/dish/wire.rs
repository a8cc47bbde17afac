//! Messages by the numbers of their fields (protobuf's encoding), without a description of them.

use bytes::Bytes;

/// A message under way.
#[derive(Debug, Clone, Default)]
pub struct Message(Vec<u8>);

impl Message {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    fn varint(mut self, mut value: u64) -> Self {
        while value >= 0x80 {
            self.0.push(value.to_le_bytes()[0] | 0x80);
            value >>= 7;
        }
        self.0.push(value.to_le_bytes()[0]);
        self
    }

    fn key(self, number: u32, wire_type: u64) -> Self {
        self.varint(u64::from(number) << 3 | wire_type)
    }

    /// With an integer, a flag (1) or an enum.
    #[must_use]
    pub fn integer(self, number: u32, value: u64) -> Self {
        self.key(number, 0).varint(value)
    }

    /// With a number of single precision; 0 is left out, as the dish does.
    #[must_use]
    pub fn float(self, number: u32, value: f32) -> Self {
        if value == 0.0 {
            return self;
        }
        let mut message = self.key(number, 5);
        message.0.extend(value.to_le_bytes());
        message
    }

    /// With bytes.
    fn bytes(self, number: u32, bytes: &[u8]) -> Self {
        let length = u64::try_from(bytes.len()).expect("length");
        let mut message = self.key(number, 2).varint(length);
        message.0.extend(bytes);
        message
    }

    /// With a text.
    #[must_use]
    pub fn text(self, number: u32, text: &str) -> Self {
        self.bytes(number, text.as_bytes())
    }

    /// With another message in it.
    #[must_use]
    pub fn message(self, number: u32, message: Self) -> Self {
        let Self(inner) = message;
        self.bytes(number, &inner)
    }

    /// With a list of numbers of single precision.
    #[must_use]
    pub fn floats(self, number: u32, values: &[f32]) -> Self {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.bytes(number, &bytes)
    }

    /// As it is on the wire.
    pub fn into_bytes(self) -> Bytes {
        self.0.into()
    }
}

/// The numbers of the fields of an encoded message, in order; what cannot be read ends it.
pub(super) fn numbers(mut bytes: &[u8]) -> Vec<u32> {
    let mut found = Vec::new();
    while let Some(key) = varint(&mut bytes) {
        let length = match key & 7 {
            0 => {
                let _ = varint(&mut bytes);
                0
            }
            1 => 8,
            2 => varint(&mut bytes).and_then(|length| usize::try_from(length).ok()).unwrap_or(usize::MAX),
            5 => 4,
            _ => usize::MAX,
        };
        found.extend(u32::try_from(key >> 3).ok());
        bytes = bytes.get(length..).unwrap_or_default();
    }
    found
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7F) << shift;
        if *first < 0x80 {
            return Some(value);
        }
    }
    None
}
