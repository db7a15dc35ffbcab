use super::{Area, draw};

fn area(start: usize, end: usize, title: &str) -> Area {
    Area {
        start,
        end,
        title: title.to_owned(),
        subtitle: String::new(),
    }
}

/// The picture without the lines of subtitles.
fn picture(areas: &[Area]) -> String {
    draw(areas).join("\n")
}

#[test]
fn each_field_is_a_box_as_wide_as_its_bytes() {
    let expected = "
       0   1   2   3   4   5   6   7   8   9   a   b   c   d   e   f
     ┌───┬───────┬───┐
  00 │a  │b      │c  │
     │   │       │   │
     └───┴───────┴───┘";
    let picture = picture(&[area(0, 1, "a"), area(1, 3, "b"), area(3, 4, "c")]);
    assert_eq!(picture, expected.trim_start_matches('\n'));
}

#[test]
fn lines_of_two_rows_meet() {
    let expected = "
       0   1   2   3   4   5   6   7   8   9   a   b   c   d   e   f
     ┌───────────────────────────────┬───────────────────────────────┐
  00 │a                              │b                              │
     │                               │                               │
     ├───────┬───────────────────────┼───────────────────────────────┘
  10 │…      │c                      │
     │       │                       │
     └───────┴───────────────────────┘";
    let picture = picture(&[area(0, 8, "a"), area(8, 18, "b"), area(18, 24, "c")]);
    assert_eq!(picture, expected.trim_start_matches('\n'));
}

#[test]
fn rows_of_one_area_are_drawn_once_and_counted() {
    let lines = draw(&[area(0, 128, "all")]);
    let counted: Vec<_> = lines
        .iter()
        .filter(|line| line.contains("likewise"))
        .collect();
    assert_eq!(counted.len(), 1);
    assert!(counted[0].contains("10 to 7f"), "{}", counted[0]);
    // A single row needs no note.
    assert!(
        !draw(&[area(0, 32, "all")])
            .iter()
            .any(|line| line.contains("likewise"))
    );
}

#[test]
fn every_line_of_a_whole_row_is_as_wide_as_the_others() {
    for areas in [
        vec![area(0, 128, "all")],
        vec![area(0, 3, "abc"), area(3, 64, "rest")],
    ] {
        let widths: Vec<_> = draw(&areas)[1..]
            .iter()
            .map(|line| line.chars().count())
            .collect();
        assert!(widths.iter().all(|width| *width == widths[0]), "{widths:?}");
    }
}

#[test]
fn a_name_too_long_for_its_box_is_cut_and_says_so() {
    let picture = picture(&[area(0, 1, "opcode"), area(1, 2, "ab")]);
    assert!(picture.contains("│op…│ab │"), "{picture}");
}
