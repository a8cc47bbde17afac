//! Nodes on a map of the world.

use leoscope_core::model::{Coordinates, Node};
use leoscope_core::time::Timestamp;

use super::paint::{Ink, Paint};
use super::status::ink;
use super::{Output, grid, or_dash, text_or_dash};

/// Land, drawn by hand: equirectangular, 5° of longitude for each column from 180° west, 7° of latitude
/// for each line from 80° north.
const LAND: [&str; 20] = [
    "            .......   ..........       .       ..      ....     .       ",
    ".  ................ ...  .......       ..... ...........................",
    "   ..............   ...   ..   ..    ...................................",
    "   ..     ......... ....          .. .. ........................   ..   ",
    "           ............ ..         ..............................       ",
    "           ...........            ... ........................  .       ",
    "            .........              ...     ................. ...        ",
    "             ....  .             ...........................            ",
    "    .          .. ....          ................  ........              ",
    "                 ...            ..............     .   ...  .           ",
    "                    ......       .............      .   .  .            ",
    "                    .......           .......           . ... ..        ",
    "                    .........         ......             ..    ...      ",
    "                     .......          ...... .               .. .       ",
    "                      ......           .... ..             .......      ",
    "                      ....             ....                ........     ",
    "                     ....              ..                  .   ....   ..",
    "                     ..                                          .   .. ",
    "                     ..                                                 ",
    "                      .                                                 ",
];
const COLUMNS: usize = 72;
const TOP_DEG: f64 = 80.0;
const COLUMN_DEG: f64 = 5.0;
const LINE_DEG: f64 = 7.0;

/// The mark of several nodes at the same place.
const SEVERAL: char = '+';

/// The marks of nodes, in this order; those beyond have the last.
fn marks() -> impl Iterator<Item = char> {
    ('1'..='9').chain('A'..='Z').chain('a'..='z').chain(std::iter::repeat('#'))
}

/// The line and the column of a place; what lies beyond the map is at its edge.
fn cell(coords: Coordinates) -> (usize, usize) {
    let index = |degrees: f64, size: f64, count: usize| ((degrees / size).max(0.0) as usize).min(count - 1);
    (
        index(TOP_DEG - coords.latitude(), LINE_DEG, LAND.len()),
        index(coords.longitude() + 180.0, COLUMN_DEG, COLUMNS),
    )
}

impl Output {
    /// Where nodes are: a map for people, the list of nodes for programs.
    pub(crate) fn node_map(&self, nodes: &[Node], now: Timestamp) {
        if self.quiet || self.is_for_programs() || !self.fields.is_empty() {
            return self.list(nodes);
        }
        self.print(&draw(nodes, now, self.paint));
        self.print(&format!("\n{}", legend(nodes, now)));
    }
}

fn draw(nodes: &[Node], now: Timestamp, paint: Paint) -> String {
    let mut map: Vec<Vec<(char, Option<Ink>)>> =
        LAND.iter().map(|line| line.chars().map(|land| (land, None)).collect()).collect();
    for (node, mark) in nodes.iter().zip(marks()) {
        let Some((line, column)) = node.coords.map(cell) else { continue };
        if let Some(place) = map.get_mut(line).and_then(|line| line.get_mut(column)) {
            *place = match place.1 {
                None => (mark, Some(ink(node.state(now)))),
                Some(_) => (SEVERAL, Some(Ink::Bold)),
            };
        }
    }
    let line = |cells: &Vec<(char, Option<Ink>)>| {
        let last = cells.iter().rposition(|(mark, _)| *mark != ' ').map_or(0, |last| last + 1);
        let shown = cells.iter().take(last).map(|(mark, ink)| match ink {
            Some(ink) => paint.with(*ink, mark),
            None => mark.to_string(),
        });
        shown.collect::<String>() + "\n"
    };
    map.iter().map(line).collect()
}

fn legend(nodes: &[Node], now: Timestamp) -> String {
    let row = |(node, mark): (&Node, char)| {
        vec![
            or_dash(node.coords.map(|_| mark)),
            node.id.to_string(),
            text_or_dash(&node.location),
            or_dash(node.coords),
            node.state(now).word().to_owned(),
        ]
    };
    let header = ["mark", "id", "location", "coords", "state"];
    let mut text = grid(&header, nodes.iter().zip(marks()).map(row));
    let mut places: Vec<_> = nodes.iter().filter_map(|node| node.coords).map(cell).collect();
    places.sort_unstable();
    if places.windows(2).any(|pair| pair[0] == pair[1]) {
        text += &format!("\n{SEVERAL}: several nodes at about the same place\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::status::tests::{node, now};
    use super::*;

    fn at(text: &str) -> (usize, usize) {
        cell(text.parse().expect("coordinates"))
    }

    #[test]
    fn the_map_is_as_wide_as_it_says_and_its_edges_are_part_of_it() {
        assert!(LAND.iter().all(|line| line.len() == COLUMNS));
        assert_eq!(at("80,-180"), (0, 0));
        assert_eq!([at("90,180"), at("-90,-180")], [(0, 71), (19, 0)]);
        assert_eq!(at("0,0"), (11, 36));
        for place in
            ["47.6,-122.3", "51.5,-0.1", "-33.9,151.2", "35.7,139.7", "-22.9,-43.2", "-33.9,18.4", "64,-21"]
        {
            let (line, column) = at(place);
            assert_eq!(&LAND[line][column..=column], ".", "{place} is on land");
        }
    }

    #[test]
    fn nodes_are_marked_where_they_are() {
        let nodes = [
            node("seattle", "Seattle", Some("47.6,-122.3")),
            node("nowhere", "", None),
            node("london", "London", Some("51.5,-0.1")),
            node("kew", "Kew", Some("51.48,-0.29")),
            Node { last_active: None, ..node("sydney", "Sydney", Some("-33.9,151.2")) },
        ];
        let map = draw(&nodes, now(), Paint::default());
        assert_eq!(map.lines().count(), LAND.len());
        let lines: Vec<&str> = map.lines().collect();
        assert_eq!(lines[4].find('1'), Some(11));
        assert_eq!(lines[4].find('+'), Some(35));
        assert_eq!(lines[16].find('5'), Some(66));
        assert!(draw(&nodes, now(), Paint::new(true, true)).contains("\x1b[31m5\x1b[0m"));
        insta::assert_snapshot!(legend(&nodes, now()), @"
        mark  id       location  coords       state
        1     seattle  Seattle   47.6,-122.3  online
        -     nowhere  -         -            online
        3     london   London    51.5,-0.1    online
        4     kew      Kew       51.48,-0.29  online
        5     sydney   Sydney    -33.9,151.2  offline

        +: several nodes at about the same place
        ");
        assert!(!legend(&nodes[..3], now()).contains('+'));
    }
}
