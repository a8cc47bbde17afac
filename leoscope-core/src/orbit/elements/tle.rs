//! Two lines a satellite, with or without a line with its name before them.

use sgp4::Elements;

use super::Records;

pub(super) fn lines(text: &str, records: &mut Records) {
    let mut name: Option<&str> = None;
    let mut first: Option<(usize, &str)> = None;
    for (place, line) in text.lines().enumerate() {
        let line = line.trim_end();
        let number = place + 1;
        if line.starts_with("1 ") && line.len() > 60 {
            if let Some((number, _)) = first.replace((number, line)) {
                records.skip(number, "line 1 is not followed by line 2");
            }
        } else if line.starts_with("2 ") && line.len() > 60 {
            let Some((begun, one)) = first.take() else {
                records.skip(number, "line 2 does not follow line 1");
                continue;
            };
            // Some write the name with a 0 in front of it.
            let named = name.take().map(|name| name.strip_prefix("0 ").unwrap_or(name).trim().to_owned());
            match Elements::from_tle(named, one.as_bytes(), line.as_bytes()) {
                Ok(elements) => records.read.push(elements),
                Err(error) => records.skip(begun, error.to_string()),
            }
        } else if !line.trim().is_empty() {
            if let Some((number, _)) = first.take() {
                records.skip(number, "line 1 is not followed by line 2");
            }
            name = Some(line);
        }
    }
    if let Some((number, _)) = first {
        records.skip(number, "line 1 is not followed by line 2");
    }
}
