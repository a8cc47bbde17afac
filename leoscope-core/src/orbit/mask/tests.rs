use super::*;

#[test]
fn a_map_has_north_at_the_top_and_east_at_the_right() {
    // Three by three, ninety degrees to the edge: the middle is the zenith.
    let mut clear = [Some(1.0_f32); 9];
    clear[1] = Some(0.0);
    clear[5] = Some(0.2);
    clear[6] = None;
    let map = Obstruction::new(3, 3, &clear, 90.0).expect("a map");
    let low = 0.5_f64.sqrt();
    assert!(map.blocks(&[0.0, low, low]), "north");
    assert!(map.blocks(&[low, 0.0, low]), "east");
    assert!(!map.blocks(&[0.0, -low, low]) && !map.blocks(&[-low, 0.0, low]), "south and west");
    assert!(!map.blocks(&[0.0, 0.0, 1.0]), "zenith");
    assert!(!map.blocks(&[-0.6, -0.6, 0.5]), "unknown");
}

#[test]
fn what_is_no_map_is_none() {
    let clear = [Some(1.0); 4];
    assert!(Obstruction::new(2, 2, &clear, 80.0).is_some());
    for (rows, columns, edge) in [(2, 3, 80.0), (0, 0, 80.0), (1, 4, 80.0), (2, 2, 0.0), (2, 2, f64::NAN)] {
        assert_eq!(Obstruction::new(rows, columns, &clear, edge), None, "{rows} {columns} {edge}");
    }
    Mask::fixed(90.0).expect_err("no sky is left");
    Mask::fixed(-1.0).expect_err("below the horizon");
    Mask::fixed(f64::NAN).expect_err("no number");
}
