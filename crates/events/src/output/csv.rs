//! RFC 4180, lines ended by CR LF.

use super::Sheet;

pub(super) fn csv(sheet: &Sheet) -> String {
    let mut text = record(sheet.columns().iter().map(|column| (*column).to_owned()));
    for row in sheet.rows() {
        text.push_str(&record(row.iter().cloned()));
    }
    text
}

fn record(fields: impl Iterator<Item = String>) -> String {
    let fields: Vec<String> = fields.map(|field| quoted(&field)).collect();
    format!("{}\r\n", fields.join(","))
}

fn quoted(field: &str) -> String {
    if field.contains(['"', ',', '\r', '\n']) { format!("\"{}\"", field.replace('"', "\"\"")) } else { field.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_where_they_must_be() {
        let sheet = Sheet::new(&["a", "b"]).row(["x,y", "say \"no\""]).row(["", "z"]);
        assert_eq!(csv(&sheet), "a,b\r\n\"x,y\",\"say \"\"no\"\"\"\r\n,z\r\n");
    }
}
