//! State machines as pictures that need neither a script nor the network. States stand in columns: each behind all that
//! lead to it.

use crate::diagram::{Arrow, Machine};

const BOX: (i32, i32) = (132, 34);
const COLUMN: i32 = 186;
const ROW: i32 = 66;
const MARGIN: i32 = 10;
/// Height above the first row for arrows that pass over a column.
const ARC: i32 = 18;

/// A state with its middle.
struct Placed<'a> {
    name: &'a str,
    column: i32,
    row: i32,
}

/// The element id of a machine.
pub(super) fn anchor(machine: &Machine) -> String {
    format!("machine-{}", machine.title.to_lowercase().replace([':', ' '], "-").replace("--", "-"))
}

/// The picture, and what it says in a table.
pub(super) fn section(machine: &Machine) -> String {
    let mut rows = String::new();
    for (from, to, by) in &machine.arrows {
        let (from, to) = (from.replace('_', " "), to.replace('_', " "));
        rows.push_str(&format!("<tr><td>{from}</td><td><a href=\"#{by}\">{by}</a></td><td>{to}</td></tr>\n"));
    }
    let begins = match machine.start {
        ("", _) => String::new(),
        (state, by) => {
            format!("<p>Begins as <b>{}</b> with <a href=\"#{by}\">{by}</a>.</p>\n", state.replace('_', " "))
        },
    };
    let (anchor, title) = (anchor(machine), machine.title);
    format!(
        "<article class=\"machine\" id=\"{anchor}\" data-words=\"state machine {} {}\">\n<h3><a href=\"#{anchor}\">{title}</a></h3>\n\
         {begins}<div class=\"picture\" tabindex=\"0\" role=\"group\" aria-label=\"States of {title}\">{}</div>\n\
         <details><summary>As a table</summary><table><thead><tr><th>from</th><th>event</th><th>to</th></tr></thead>\
         <tbody>\n{rows}</tbody></table></details>\n</article>\n",
        title.to_lowercase(),
        machine.arrows.iter().map(|(_, _, by)| *by).collect::<Vec<_>>().join(" "),
        picture(machine),
    )
}

fn picture(machine: &Machine) -> String {
    let states = placed(&machine.arrows);
    let most = |of: fn(&Placed<'_>) -> i32| states.iter().map(of).max().unwrap_or_default();
    let columns = most(|state| state.column) + 1;
    let at =
        |name: &str| states.iter().find(|state| state.name == name).map_or((0, 0), |state| (state.column, state.row));
    let over = machine.arrows.iter().map(|(from, to, _)| (at(from), at(to))).filter(|(from, to)| from.1 == to.1);
    let arcs = over.map(|(from, to)| to.0 - from.0).filter(|span| *span > 1).max().unwrap_or_default() * ARC;
    let (width, height) =
        (columns * COLUMN - (COLUMN - BOX.0) + 2 * MARGIN, most(|state| state.row) * ROW + BOX.1 + arcs + 2 * MARGIN);
    let middle = |name: &str| {
        let (column, row) = at(name);
        (column, row, MARGIN + column * COLUMN + BOX.0 / 2, MARGIN + arcs + row * ROW + BOX.1 / 2)
    };
    let mut drawn: Vec<(&str, &str)> = Vec::new();
    let mut lines = String::new();
    for (from, to, _) in &machine.arrows {
        if !drawn.contains(&(from, to)) {
            drawn.push((from, to));
            let by: Vec<&str> =
                machine.arrows.iter().filter(|one| one.0 == *from && one.1 == *to).map(|one| one.2).collect();
            let way = way(middle(from), middle(to));
            lines.push_str(&format!("<path d=\"{way}\"><title>{from} to {to}: {}</title></path>", by.join(", ")));
        }
    }
    let mut boxes = String::new();
    for state in &states {
        let (_, _, x, y) = middle(state.name);
        let ends = !machine.arrows.iter().any(|(from, ..)| from == state.name);
        let class = if ends { " class=\"end\"" } else { "" };
        boxes.push_str(&format!(
            "<g{class}><rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"8\"/><text x=\"{x}\" y=\"{}\">{}</text></g>",
            x - BOX.0 / 2,
            y - BOX.1 / 2,
            BOX.0,
            BOX.1,
            y + 4,
            state.name.replace('_', " "),
        ));
    }
    format!(
        "<svg viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" aria-label=\"{}\">\
         <g class=\"arrows\">{lines}</g>{boxes}</svg>",
        machine.title
    )
}

/// From box to box: straight to the next column of the same row, over the boxes between, or down beside them.
fn way(from: (i32, i32, i32, i32), to: (i32, i32, i32, i32)) -> String {
    let (half, tall) = (BOX.0 / 2, BOX.1 / 2);
    let ((column, row, x, y), (to_column, to_row, to_x, to_y)) = (from, to);
    let span = to_column - column;
    if row == to_row && span > 1 {
        let top = y - tall - ARC * span;
        return format!(
            "M{} {}C{} {top} {} {top} {} {}",
            x + half / 2,
            y - tall,
            x + half,
            to_x - half,
            to_x - half / 2,
            to_y - tall
        );
    }
    let (start, end) = (x + half, to_x - half);
    let bend = (end - start) / 2;
    if row == to_row || span == 1 {
        return format!("M{start} {y}C{} {y} {} {to_y} {end} {to_y}", start + bend, end - bend);
    }
    // From below, so that no box is crossed.
    format!("M{x} {}C{x} {to_y} {} {to_y} {end} {to_y}", y + tall, x + half)
}

/// Longest way from a beginning decides the column; the first to come to a column is on top.
fn placed(arrows: &[Arrow]) -> Vec<Placed<'_>> {
    let mut states: Vec<Placed<'_>> = Vec::new();
    for name in arrows.iter().flat_map(|(from, to, _)| [from, to]) {
        if !states.iter().any(|state| state.name == name) {
            states.push(Placed { name, column: 0, row: 0 });
        }
    }
    // As often as there are states: a way is no longer, even if the arrows led in a circle.
    for _ in 0..states.len() {
        for (from, to, _) in arrows {
            let before = states.iter().find(|state| state.name == from).map_or(0, |state| state.column);
            if let Some(state) = states.iter_mut().find(|state| state.name == to) {
                state.column = state.column.max(before + 1);
            }
        }
    }
    // What goes on stands above what ends.
    let ends = |name: &str| !arrows.iter().any(|(from, ..)| from == name);
    states.sort_by_key(|state| ends(state.name) && arrows.iter().filter(|(_, to, _)| to == state.name).count() > 1);
    let mut taken: Vec<i32> = Vec::new();
    for state in &mut states {
        state.row = i32::try_from(taken.iter().filter(|column| **column == state.column).count()).unwrap_or_default();
        taken.push(state.column);
    }
    states
}
