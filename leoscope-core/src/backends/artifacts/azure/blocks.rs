//! The blocks of which a blob is made.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::model::BundleFacts;

/// The most blocks that a blob may have.
const MOST: u64 = 50_000;

/// The least bytes of a block of those that are made here, but for the last before a break.
const LEAST: u64 = 4 << 20;

/// How many bytes of a checksum are in the id of a block.
const TAG: usize = 12;

/// How large blocks are made of which `size` bytes consist, so that they are not too many even if every
/// fifth is a short one.
pub(super) fn length(size: u64) -> u64 {
    LEAST.max(size.div_ceil(MOST / 5 * 4))
}

/// The id of a block: where it begins, how long it is, and to what it belongs. All are equally long, as
/// the service demands of the blocks of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct BlockId {
    pub(super) from: u64,
    pub(super) length: u32,
    tag: [u8; TAG],
}

/// What blocks belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tag([u8; TAG]);

impl Tag {
    /// That of a bundle.
    pub(super) fn of(bundle: &BundleFacts) -> Self {
        Self(bundle.sha256.as_bytes().first_chunk().copied().unwrap_or_default())
    }

    /// That of what is put once, of which the checksum is not known yet.
    pub(super) fn random() -> Result<Self> {
        let mut tag = [0; TAG];
        getrandom::fill(&mut tag).map_err(|e| Error::while_doing("name a block", e))?;
        Ok(Self(tag))
    }

    /// The id of a block of what this stands for.
    pub(super) fn block(self, from: u64, length: usize) -> Result<BlockId> {
        let length = u32::try_from(length).ok().filter(|length| *length > 0);
        let length = length.ok_or_else(|| Error::invalid("a block is empty or larger than 4 GB"))?;
        Ok(BlockId { from, length, tag: self.0 })
    }
}

impl BlockId {
    /// As the service wants it.
    pub(super) fn text(self) -> String {
        let mut bytes = [0; 12 + TAG];
        bytes[..8].copy_from_slice(&self.from.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.length.to_be_bytes());
        bytes[12..].copy_from_slice(&self.tag);
        STANDARD.encode(bytes)
    }

    /// Reads what [`text`](Self::text) writes; `None` for an id that somebody else has made.
    fn read(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text).ok()?;
        let (from, rest) = bytes.split_first_chunk()?;
        let (length, tag) = rest.split_first_chunk()?;
        let tag = tag.try_into().ok()?;
        Some(Self { from: u64::from_be_bytes(*from), length: u32::from_be_bytes(*length), tag })
    }

    fn end(self) -> u64 {
        self.from + u64::from(self.length)
    }
}

/// The blocks of one bundle that are there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Staged(Vec<BlockId>);

impl Staged {
    /// Those that belong to `tag`, of what the service lists.
    pub(super) fn of(tag: Tag, list: &BlockList) -> Self {
        let ids =
            list.uncommitted().filter_map(|block| BlockId::read(&block.name).map(|id| (id, block.size)));
        let fits = |id: BlockId, size| u64::from(id.length) == size && id.from.checked_add(size).is_some();
        let ours = ids.filter(|(id, size)| id.tag == tag.0 && fits(*id, *size));
        let mut ours: Vec<_> = ours.map(|(id, _)| id).collect();
        ours.sort_unstable();
        Self(ours)
    }

    /// The blocks that can be put one after the other from the beginning, by where they end. Those of
    /// different senders may overlap.
    fn chain(&self) -> BTreeMap<u64, BlockId> {
        let mut ends = BTreeMap::new();
        for block in &self.0 {
            if (block.from == 0 || ends.contains_key(&block.from)) && block.length > 0 {
                ends.entry(block.end()).or_insert(*block);
            }
        }
        ends
    }

    /// How many bytes from the beginning are there.
    pub(super) fn size(&self) -> u64 {
        self.chain().last_key_value().map_or(0, |(end, _)| *end)
    }

    /// The blocks of which `size` bytes consist, in their order; `None` if they are not all there.
    pub(super) fn whole(&self, size: u64) -> Option<Vec<BlockId>> {
        let chain = self.chain();
        let mut blocks = Vec::new();
        let mut end = size;
        while end > 0 {
            let block = chain.get(&end)?;
            blocks.push(*block);
            end = block.from;
        }
        blocks.reverse();
        Some(blocks)
    }
}

/// What a blob is to consist of, as the service reads it.
pub(super) fn commit_list(blocks: &[BlockId]) -> String {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>");
    for block in blocks {
        // Writing to a String cannot fail.
        let _ = write!(text, "<Uncommitted>{}</Uncommitted>", block.text());
    }
    text.push_str("</BlockList>");
    text
}

/// The blocks of a blob, as the service lists them.
#[derive(Debug, Default, Deserialize)]
pub(super) struct BlockList {
    #[serde(rename = "UncommittedBlocks", default)]
    uncommitted: Blocks,
}

#[derive(Debug, Default, Deserialize)]
struct Blocks {
    #[serde(rename = "Block", default)]
    blocks: Vec<Block>,
}

#[derive(Debug, Deserialize)]
struct Block {
    #[serde(rename = "Name")]
    name: String,
    #[serde(rename = "Size")]
    size: u64,
}

impl BlockList {
    /// Reads what the service has sent.
    pub(super) fn read(text: &[u8]) -> Result<Self> {
        quick_xml::de::from_reader(text).map_err(|e| Error::while_doing("read a list of blocks", e))
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.uncommitted.blocks.is_empty()
    }

    fn uncommitted(&self) -> impl Iterator<Item = &Block> {
        self.uncommitted.blocks.iter()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::Checksum;

    fn tag(byte: u8) -> Tag {
        Tag::of(&BundleFacts { size: 1, sha256: Checksum::from_bytes([byte; 32]) })
    }

    fn list(blocks: &[(Tag, u64, usize)]) -> BlockList {
        let line = |(tag, from, length): &(Tag, u64, usize)| {
            let id = tag.block(*from, *length).expect("block");
            format!("<Block><Name>{}</Name><Size>{length}</Size></Block>", id.text())
        };
        let lines: String = blocks.iter().map(line).collect();
        let text = format!(
            "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList><CommittedBlocks /><UncommittedBlocks>{lines}</UncommittedBlocks></BlockList>"
        );
        BlockList::read(text.as_bytes()).expect("list")
    }

    #[test]
    fn ids_are_equally_long_and_read_as_written() {
        for (from, length) in [(0, 1), (u64::MAX, u32::MAX as usize), (4 << 20, 4 << 20)] {
            let id = tag(7).block(from, length).expect("id");
            assert_eq!(id.text().len(), 32);
            assert_eq!(BlockId::read(&id.text()), Some(id));
        }
        for foreign in ["", "AAAA", "no base64", &STANDARD.encode([0; 25])] {
            assert_eq!(BlockId::read(foreign), None, "{foreign}");
        }
        tag(7).block(0, 0).expect_err("empty");
    }

    #[test]
    fn what_is_there_counts_from_the_beginning_and_of_one_bundle_alone() {
        let (one, other) = (tag(1), tag(2));
        let of = |blocks: &[_]| Staged::of(one, &list(blocks));
        for (blocks, size) in [
            (vec![], 0),
            (vec![(one, 0, 5)], 5),
            (vec![(one, 5, 5)], 0),
            (vec![(other, 0, 5), (one, 5, 5)], 0),
            (vec![(one, 5, 5), (one, 0, 5), (one, 20, 5)], 10),
            // Of two senders with blocks of different sizes.
            (vec![(one, 0, 4), (one, 0, 6), (one, 4, 4), (one, 6, 6), (one, 8, 3)], 12),
            (vec![(one, 0, 6), (one, 4, 4)], 6),
            (vec![(one, 0, 6), (one, u64::MAX, 4)], 6),
        ] {
            assert_eq!(of(&blocks).size(), size, "{blocks:?}");
        }
        let staged = of(&[(one, 0, 4), (one, 0, 6), (one, 4, 4), (one, 6, 6), (one, 8, 3), (other, 0, 11)]);
        let froms = |size| staged.whole(size).map(|blocks| blocks.iter().map(|b| b.from).collect::<Vec<_>>());
        assert_eq!(froms(11), Some(vec![0, 4, 8]));
        assert_eq!(froms(12), Some(vec![0, 6]));
        assert_eq!(froms(10), None);
        assert_eq!(froms(0), Some(vec![]));
    }

    #[test]
    fn a_block_of_another_length_than_its_id_says_does_not_count() {
        let id = tag(1).block(0, 5).expect("id").text();
        let text = format!(
            "<BlockList><UncommittedBlocks><Block><Name>{id}</Name><Size>4</Size></Block></UncommittedBlocks></BlockList>"
        );
        let list = BlockList::read(text.as_bytes()).expect("list");
        assert_eq!((list.is_empty(), Staged::of(tag(1), &list).size()), (false, 0));
        assert!(BlockList::read(b"<BlockList></BlockList>").expect("list").is_empty());
        BlockList::read(b"not a list").expect_err("no XML");
    }

    #[test]
    fn no_bundle_has_too_many_blocks() {
        for size in [0, 1, LEAST, 100 << 30, 4 << 40] {
            assert!(size.div_ceil(length(size)) <= MOST / 5 * 4, "{size}");
            assert!(length(size) <= u64::from(u32::MAX), "{size}");
        }
    }

    proptest! {
        #[test]
        fn what_is_whole_covers_every_byte_once(blocks in prop::collection::vec((0_u64..40, 1_usize..12), 0..30)) {
            let blocks: Vec<_> = blocks.into_iter().map(|(from, length)| (tag(1), from, length)).collect();
            let staged = Staged::of(tag(1), &list(&blocks));
            for size in 0..60 {
                if let Some(whole) = staged.whole(size) {
                    let mut at = 0;
                    for block in whole {
                        prop_assert_eq!(block.from, at);
                        at = block.end();
                    }
                    prop_assert_eq!(at, size);
                    prop_assert!(size <= staged.size());
                }
            }
            prop_assert!(staged.whole(staged.size()).is_some());
        }
    }
}
