//! Writing gzip with more than one core.
//!
//! What is written is cut into blocks. Each is compressed by itself, on one of a few threads, and ends
//! at a whole byte, so that the blocks in a row are one ordinary stream of deflate (RFC 1951). Another
//! thread writes them down in their order. What cannot be made smaller is only wrapped: trying would
//! cost more than it gains.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use flate2::{Compress, Compression, Crc, FlushCompress, Status};

/// How much is compressed at a time.
const BLOCK: usize = 1 << 20;

/// How much of a block tells whether it can be made smaller: from its beginning and from its middle.
const SAMPLE: usize = 16 << 10;

/// The most threads that compress. A node has other things to do.
const MOST_THREADS: usize = 2;

/// How many blocks may wait for a thread, and how many of its results for being written.
const WAITING: usize = 2;

/// A gzip header (RFC 1952) without a name or a time: deflate, fastest, unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255];

/// An empty last block of deflate.
const END: [u8; 2] = [3, 0];

/// Compresses what is written to it into a writer on another thread.
///
/// [`finish`](Self::finish) gives that writer back; without it what has been written is no whole gzip.
/// At most about sixteen blocks of one mebibyte are in memory.
#[derive(Debug)]
pub(super) struct Gzip<W> {
    block: Vec<u8>,
    /// The threads that compress, and which is next.
    threads: Vec<SyncSender<Vec<u8>>>,
    next: usize,
    writer: Option<JoinHandle<io::Result<W>>>,
}

/// A block that is ready to be written.
struct Ready {
    compressed: Vec<u8>,
    crc: Crc,
}

impl<W: Write + Send + 'static> Gzip<W> {
    /// Begins a gzip in `inner`.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn new(inner: W) -> io::Result<Self> {
        let cores = thread::available_parallelism().map_or(1, Into::into);
        let mut threads = Vec::new();
        let mut results = Vec::new();
        for _ in 0..cores.min(MOST_THREADS) {
            let (blocks, to_compress) = sync_channel(WAITING);
            let (compressed, result) = sync_channel(WAITING);
            spawn("compress", move || compress_all(&to_compress, &compressed))?;
            threads.push(blocks);
            results.push(result);
        }
        let writer = spawn("write-bundle", move || write_all(inner, &results))?;
        Ok(Self { block: Vec::new(), threads, next: 0, writer: Some(writer) })
    }

    /// Writes what is left and the end.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.hand_on()?;
        self.end()
    }

    /// Has the full block compressed.
    fn hand_on(&mut self) -> io::Result<()> {
        if self.block.is_empty() {
            return Ok(());
        }
        let block = std::mem::take(&mut self.block);
        let thread = self.threads.get(self.next).map(|thread| thread.send(block));
        if !matches!(thread, Some(Ok(()))) {
            // They end early only when the writer has met an error.
            return Err(self.end().err().unwrap_or_else(|| io::Error::other("the writer has ended")));
        }
        self.next = (self.next + 1) % self.threads.len();
        Ok(())
    }

    /// Waits for the threads to end.
    fn end(&mut self) -> io::Result<W> {
        self.threads.clear();
        let writer = self.writer.take().ok_or_else(|| io::Error::other("the writer has ended"))?;
        writer.join().map_err(|_| io::Error::other("the writer has panicked"))?
    }
}

impl<W: Write + Send + 'static> Write for Gzip<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(BLOCK - self.block.len());
        self.block.extend_from_slice(bytes.get(..taken).unwrap_or_default());
        if self.block.len() == BLOCK {
            self.hand_on()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<W> Drop for Gzip<W> {
    /// Nothing is written any more once it is gone.
    fn drop(&mut self) {
        self.threads.clear();
        if let Some(writer) = self.writer.take() {
            // Whoever drops it has met an error already.
            let _ = writer.join();
        }
    }
}

fn spawn<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    thread::Builder::new().name(name.to_owned()).spawn(work)
}

/// Compresses blocks until there are no more, or nobody wants them.
fn compress_all(blocks: &Receiver<Vec<u8>>, results: &SyncSender<io::Result<Ready>>) {
    let mut fast = Compress::new(Compression::fast(), false);
    let mut wrap = Compress::new(Compression::none(), false);
    for block in blocks {
        let mut crc = Crc::new();
        crc.update(&block);
        let compressed = match shrunk(&mut fast, &block) {
            Ok(Some(shrunk)) => Ok(shrunk),
            Ok(None) => compress(&mut wrap, &block, block.len() + block.len() / 1000),
            Err(error) => Err(error),
        };
        if results.send(compressed.map(|compressed| Ready { compressed, crc })).is_err() {
            return;
        }
    }
}

/// A block made smaller; `None` when it cannot be.
fn shrunk(deflate: &mut Compress, block: &[u8]) -> io::Result<Option<Vec<u8>>> {
    if block.len() > 4 * SAMPLE && !samples_shrink(deflate, block)? {
        return Ok(None);
    }
    let compressed = compress(deflate, block, block.len() / 2)?;
    Ok(Some(compressed).filter(|compressed| compressed.len() < block.len()))
}

/// Whether samples of a block can be made smaller by more than a fiftieth.
fn samples_shrink(deflate: &mut Compress, block: &[u8]) -> io::Result<bool> {
    for start in [0, block.len() / 2] {
        let sample = block.get(start..block.len().min(start + SAMPLE)).unwrap_or_default();
        if compress(deflate, sample, sample.len())?.len() < sample.len() / 50 * 49 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// `block` as deflate that ends at a whole byte and goes on; it may have about `expected` bytes.
fn compress(deflate: &mut Compress, block: &[u8], expected: usize) -> io::Result<Vec<u8>> {
    deflate.reset();
    let mut compressed = Vec::with_capacity(expected + 1024);
    loop {
        let taken = usize::try_from(deflate.total_in()).unwrap_or(usize::MAX);
        let rest = block.get(taken..).unwrap_or_default();
        let status = deflate.compress_vec(rest, &mut compressed, FlushCompress::Sync);
        let full = compressed.len() == compressed.capacity();
        match status.map_err(io::Error::other)? {
            // Everything is out once there is room left.
            Status::Ok | Status::BufError if !full => return Ok(compressed),
            Status::Ok | Status::BufError => compressed.reserve(compressed.capacity() / 2),
            Status::StreamEnd => return Err(io::Error::other("deflate has ended in the middle")),
        }
    }
}

/// Writes the blocks down in their order, with what a gzip has around them.
fn write_all<W: Write>(mut inner: W, results: &[Receiver<io::Result<Ready>>]) -> io::Result<W> {
    let mut crc = Crc::new();
    inner.write_all(&HEADER)?;
    for result in results.iter().cycle() {
        // They were given their blocks in turn, so the first without one has come after the last.
        let Ok(ready) = result.recv() else { break };
        let Ready { compressed, crc: of_block } = ready?;
        inner.write_all(&compressed)?;
        crc.combine(&of_block);
    }
    inner.write_all(&END)?;
    inner.write_all(&crc.sum().to_le_bytes())?;
    inner.write_all(&crc.amount().to_le_bytes())?;
    inner.flush()?;
    Ok(inner)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;

    use super::*;

    fn noise(length: usize) -> Vec<u8> {
        let mut state = 1_u64;
        let next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state.to_be_bytes()[0]
        };
        std::iter::repeat_with(next).take(length).collect()
    }

    fn gzip(content: &[u8], pieces: usize) -> Vec<u8> {
        let mut gzip = Gzip::new(Vec::new()).expect("threads");
        content.chunks(pieces).for_each(|piece| gzip.write_all(piece).expect("write"));
        gzip.finish().expect("finish")
    }

    #[test]
    fn what_is_read_is_what_was_written_in_one_ordinary_stream() {
        let text: Vec<u8> = (0..BLOCK / 8).flat_map(|n| format!("line {n}\n").into_bytes()).collect();
        let mixed = [noise(BLOCK), vec![0; BLOCK + 5], noise(70_000), text.clone()].concat();
        for content in [Vec::new(), vec![7], noise(SAMPLE + 1), noise(2 * BLOCK), text, mixed] {
            for pieces in [60_000, 2 * BLOCK + 1] {
                let compressed = gzip(&content, pieces);
                let mut read = Vec::new();
                let mut decoder = GzDecoder::new(compressed.as_slice());
                decoder.read_to_end(&mut read).expect("gzip");
                assert!(read == content, "{} bytes in pieces of {pieces}", content.len());
                assert!(decoder.into_inner().is_empty(), "nothing comes after it");
                assert!(compressed.len() <= content.len() + content.len() / 1000 + 64);
            }
        }
    }

    /// Takes so many bytes and then no more, as a full disk.
    struct Full(usize);

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_ends_the_writing_with_its_error() {
        for room in [0, 100, 5 * BLOCK] {
            let mut gzip = Gzip::new(Full(room)).expect("threads");
            let noise = noise(BLOCK);
            let written = (0..40).try_for_each(|_| gzip.write_all(&noise));
            let error = match written {
                Ok(()) => gzip.finish().err().expect("full"),
                Err(error) => error,
            };
            assert_eq!(error.kind(), io::ErrorKind::StorageFull, "{room}: {error}");
        }
    }
}
