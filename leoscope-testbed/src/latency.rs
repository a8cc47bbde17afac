//! The latency experiment: how long a TCP connection to a target takes, again and again.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;
use std::time::{Duration, Instant};

use leoscope_core::time::{Timestamp, wire_time};
use leoscope_core::{Error, Result};

/// The file an experiment leaves in its results directory.
pub const FILE: &str = "latency.csv";
const HEADER: &str = "time_utc,seq,latency_ms";

/// Round trips of one run in milliseconds: how many, and their extremes and median.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// How many connections succeeded.
    pub samples: usize,
    /// The shortest.
    pub min: f64,
    /// Half of them took no longer than this; of an even number the mean of the two in the middle.
    pub median: f64,
    /// The longest.
    pub max: f64,
}

/// Connects to `target` every `interval` for `duration` and writes each time to `<dir>/latency.csv`.
/// A connection that fails is written with an empty latency.
///
/// # Errors
/// [`InvalidArgument`](leoscope_core::ErrorKind::InvalidArgument) for what is no address,
/// [`Unavailable`](leoscope_core::ErrorKind::Unavailable) when no connection succeeded, and those of the file.
pub fn measure(target: &str, interval: Duration, duration: Duration, dir: &Path) -> Result<Summary> {
    let address = target.to_socket_addrs().ok().and_then(|mut found| found.next()).ok_or_else(|| {
        Error::invalid(format!("target {target:?} is not an address"))
            .hint("write HOST:PORT, for example 192.0.2.1:443")
    })?;
    let path = dir.join(FILE);
    let doing = || format!("write {}", path.display());
    let mut file = File::create(&path).map_err(|e| Error::while_doing(doing(), e))?;
    writeln!(file, "{HEADER}").map_err(|e| Error::while_doing(doing(), e))?;
    let begun = Instant::now();
    let mut values = Vec::new();
    for sequence in 0_u32.. {
        let due = interval * sequence;
        if due >= duration {
            break;
        }
        std::thread::park_timeout(due.saturating_sub(begun.elapsed()));
        let at = Timestamp::now();
        let before = Instant::now();
        let latency = TcpStream::connect_timeout(&address, Duration::from_secs(1))
            .map(|_| before.elapsed().as_secs_f64() * 1e3);
        let text = latency.as_ref().map_or_else(|_| String::new(), |ms| format!("{ms:.4}"));
        values.extend(latency);
        writeln!(file, "{},{sequence},{text}", wire_time(at)).map_err(|e| Error::while_doing(doing(), e))?;
    }
    summarise(values).ok_or_else(|| {
        Error::unavailable(format!("no connection to {target} succeeded"))
            .hint("is the target listening, and reachable from here?")
    })
}

/// Reads the file of an experiment back; `None` when it holds no sample.
pub fn read(dir: &Path) -> Option<Summary> {
    let file = BufReader::new(File::open(dir.join(FILE)).ok()?);
    let values = file.lines().skip(1).filter_map(|line| line.ok()?.rsplit(',').next()?.parse().ok());
    summarise(values.collect())
}

fn summarise(mut values: Vec<f64>) -> Option<Summary> {
    values.sort_by(f64::total_cmp);
    let (min, max) = (*values.first()?, *values.last()?);
    let middle = values.len() / 2;
    let median = if values.len() % 2 == 1 {
        values[middle]
    } else {
        f64::midpoint(values[middle - 1], values[middle])
    };
    Some(Summary { samples: values.len(), min, median, max })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_measured_is_read_back() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let dir = tempfile::tempdir().unwrap();
        let target = listener.local_addr().unwrap().to_string();
        let step = Duration::from_millis(1);
        let summary = measure(&target, step, step * 5, dir.path()).unwrap();
        assert_eq!(summary.samples, 5);
        assert!(summary.min <= summary.median && summary.median <= summary.max);
        assert_eq!(read(dir.path()).map(|read| read.samples), Some(5));
    }

    #[test]
    fn a_bad_target_and_a_silent_one_are_errors() {
        let dir = tempfile::tempdir().unwrap();
        let once = Duration::from_millis(1);
        assert!(measure("nowhere", once, once, dir.path()).is_err());
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert!(measure(&port.to_string(), once, once, dir.path()).is_err());
        assert_eq!(read(dir.path()), None);
    }

    #[test]
    fn the_median_of_an_even_number_lies_between() {
        assert_eq!(summarise(vec![4.0, 1.0, 2.0, 3.0]).unwrap().median, 2.5);
        assert_eq!(summarise(vec![]), None);
    }
}
