//! Tables for files (RFC 4180): fields between commas, in quotes where they need them.

/// Rows of equally many fields, the head first.
///
/// # Panics
/// Panics if a row has more or fewer fields than the first.
pub(crate) fn csv(rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut writer = ::csv::WriterBuilder::new().terminator(::csv::Terminator::CRLF).from_writer(Vec::new());
    for row in rows {
        writer.write_record(&row).expect("equally many fields, written to memory");
    }
    let bytes = writer.into_inner().expect("written to memory");
    String::from_utf8(bytes).expect("fields are UTF-8")
}

/// A column: its name, and the text of its field in a record's row.
pub(crate) type Column<'a, R> = (&'a str, &'a dyn Fn(&R) -> String);

/// A table of these columns, a row for each record.
pub(crate) fn csv_of<R>(records: &[R], columns: &[Column<'_, R>]) -> String {
    let head = columns.iter().map(|(name, _)| (*name).to_owned()).collect();
    let row = |record: &R| columns.iter().map(|(_, field)| field(record)).collect();
    csv(std::iter::once(head).chain(records.iter().map(row)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_meaning_is_quoted() {
        let row = |fields: [&str; 3]| fields.map(str::to_owned).to_vec();
        let table = csv([row(["plain é", "a,b", "\"x\"\n"]), row(["", "7.0", "'"])]);
        assert_eq!(table, "plain é,\"a,b\",\"\"\"x\"\"\n\"\r\n,7.0,'\r\n");
    }
}
