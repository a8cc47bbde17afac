use super::*;
use crate::time::parse_time;

const NAME: &str = "ISS (ZARYA)";
const ONE: &str = "1 25544U 98067A   20194.88612269 -.00002218  00000-0 -31515-4 0  9992";
const TWO: &str = "2 25544  51.6461 221.2784 0001413  89.1723 280.4612 15.49507896236008";

/// A Starlink satellite with a number of six digits, as CelesTrak publishes it.
const CSV: &str = "OBJECT_NAME,OBJECT_ID,EPOCH,MEAN_MOTION,ECCENTRICITY,INCLINATION,RA_OF_ASC_NODE,ARG_OF_PERICENTER,MEAN_ANOMALY,EPHEMERIS_TYPE,CLASSIFICATION_TYPE,NORAD_CAT_ID,ELEMENT_SET_NO,REV_AT_EPOCH,BSTAR,MEAN_MOTION_DOT,MEAN_MOTION_DDOT
STARLINK-38244,2026-200A,2026-10-01T22:11:24.452448,15.7759124,.00032284,70.0006,102.5417,274.4885,85.5946,0,U,100534,999,1,.00066694375,.00112611,0
";

fn json(number: &str, epoch: &str) -> String {
    format!(
        r#"{{"OBJECT_NAME":"STARLINK-38244","OBJECT_ID":"2026-200A","EPOCH":"{epoch}","MEAN_MOTION":15.7759124,"ECCENTRICITY":0.00032284,"INCLINATION":70.0006,"RA_OF_ASC_NODE":102.5417,"ARG_OF_PERICENTER":274.4885,"MEAN_ANOMALY":85.5946,"EPHEMERIS_TYPE":0,"CLASSIFICATION_TYPE":"U","NORAD_CAT_ID":{number},"ELEMENT_SET_NO":999,"REV_AT_EPOCH":1,"BSTAR":0.00066694375,"MEAN_MOTION_DOT":0.00112611,"MEAN_MOTION_DDOT":0}}"#
    )
}

fn read(text: &str) -> Catalogue {
    Catalogue::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn every_form_is_read() {
    let lines = [NAME, ONE, TWO].join("\r\n");
    for text in [lines.clone(), format!("0 {lines}\n\n"), [ONE, TWO].join("\n"), format!("\u{feff}{lines}")] {
        let catalogue = read(&text);
        let satellite = &catalogue.satellites()[0];
        assert_eq!((catalogue.satellites().len(), satellite.number()), (1, 25_544), "{text}");
        assert!(["25544", NAME].contains(&&**satellite.name()), "{satellite:?}");
        assert_eq!(satellite.epoch().to_string(), "2020-07-12T21:16:01.000416Z");
    }
    let six = parse_time("2026-10-01T22:11:24.452448").expect("time");
    for text in [
        CSV.to_owned(),
        json("100534", "2026-10-01T22:11:24.452448"),
        format!("[{}]", json("\"100534\"", "2026-10-01T22:11:24.452448")),
    ] {
        let catalogue = read(&text);
        let satellite = &catalogue.satellites()[0];
        assert_eq!((satellite.number(), satellite.epoch()), (100_534, six), "{text}");
        assert_eq!(satellite.shell().rounded(), Shell { altitude_km: 335.0, inclination_deg: 70.0 });
        assert_eq!((catalogue.find("starlink-38244"), catalogue.find("100534")), (Some(0), Some(0)));
    }
    // A0534 is 100534.
    let alpha = |line: &str, sum: char| format!("{}A0534{}{sum}", &line[..2], &line[7..68]);
    let (one, two) = (alpha(ONE, '2'), alpha(TWO, '8'));
    let text = format!("{NAME}\n{}\n{}\n", checked(&one), checked(&two));
    assert_eq!(read(&text).satellites()[0].number(), 100_534);
}

/// A line with the right checksum.
fn checked(line: &str) -> String {
    let body = &line[..68];
    let sum: u32 = body.chars().map(|c| c.to_digit(10).unwrap_or(u32::from(c == '-'))).sum();
    format!("{body}{}", sum % 10)
}

#[test]
fn what_is_no_record_is_skipped_and_counted() {
    let wrong = ONE.replace("9992", "9993");
    let text = [NAME, &wrong, TWO, "X", ONE, NAME, ONE, TWO, TWO, "end"].join("\n");
    let catalogue = read(&text);
    assert_eq!(catalogue.satellites().len(), 1);
    let (count, told) = catalogue.skipped();
    let numbers: Vec<usize> = told.iter().map(|skipped| skipped.number).collect();
    assert_eq!((count, numbers), (3, vec![2, 5, 9]), "{told:?}");
    assert!(told[0].why.contains("checksum"), "{told:?}");
    let text = format!(
        "{CSV}BROKEN,1\nTOO-FAST,X,2026-10-01T22:11:24.452448,99,.0003,70,102,274,85,0,U,7,9,1,0,0,0\n"
    );
    let catalogue = read(&text);
    assert_eq!((catalogue.satellites().len(), catalogue.skipped().0), (1, 2), "{:?}", catalogue.skipped());
    let text = format!("[{}, {{}}, 3]", json("100534", "2026-10-01T22:11:24.452448"));
    assert_eq!(read(&text).skipped().0, 2);
}

#[test]
fn of_several_records_of_a_satellite_the_latest_counts() {
    let records = ["2026-10-01T00:00:00", "2026-10-03T00:00:00", "2026-10-02T00:00:00"];
    let records: Vec<String> = records.iter().map(|epoch| json("100534", epoch)).collect();
    let catalogue = read(&format!("[{}]", records.join(",")));
    assert_eq!((catalogue.satellites().len(), catalogue.older()), (1, 2));
    assert_eq!(catalogue.epoch().to_string(), "2026-10-03T00:00:00Z");
    let now = parse_time("2026-10-04T00:00:00").expect("time");
    assert_eq!(catalogue.age(now).as_hours(), 24);
}

#[test]
fn what_is_no_set_is_refused_with_the_reason() {
    for (text, why) in [
        ("", "no record of it"),
        ("<html>moved</html>", "no record of it"),
        ("[", "as JSON it is broken"),
        ("[]", "no record of it"),
        ("{\"a\": 1}", "the first that was tried: missing field"),
        (CSV.lines().next().expect("head"), "no record of it"),
    ] {
        let error = Catalogue::parse(text.as_bytes()).expect_err(text);
        assert!(error.message().contains(why), "{text}: {error}");
    }
    Catalogue::parse(&[0xff, 0xfe, 0x00]).expect_err("no text");
}

#[test]
fn shells_are_told_apart_by_altitude_and_inclination() {
    let walker =
        |altitude_km: f64, inclination_deg: f64, planes: u32, first_number: u32| super::super::Walker {
            name: "TEST".into(),
            first_number,
            altitude_km,
            inclination_deg,
            planes,
            per_plane: 5,
            phasing: 0,
            first_node_deg: 0.0,
            first_anomaly_deg: 0.0,
        };
    let at = parse_time("2026-12-01T00:00:00").expect("time");
    let sets = [walker(485.2, 43.0, 4, 1), walker(570.0, 70.0, 2, 100)];
    let texts = sets.map(|set| set.omm(at).expect("possible").trim_matches(['[', ']']).to_owned());
    let catalogue = read(&format!("[{}]", texts.join(",")));
    let shell = |altitude_km: f64, inclination_deg: f64| Shell { altitude_km, inclination_deg };
    assert_eq!(catalogue.shells(), [(shell(485.0, 43.0), 20), (shell(570.0, 70.0), 10)]);
}
