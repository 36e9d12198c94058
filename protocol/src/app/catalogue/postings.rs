//! Postings: which lines of the catalogue have a code, as one bit each.
//!
//! A row holds the bits of 1,024 lines, so its length says nothing, and a search over 100,000 lines reads a hundred
//! rows for each code.

use crate::{
    record::section::root::RecordKind,
    store::{Row, Store, StoreError, Table, staged::Staged},
};

use super::{altered, counts, place, prefix};

/// Bytes of a row.
const BLOCK: usize = 128;
/// Lines in a row.
const LINES: u64 = BLOCK as u64 * 8;

type Bits = [u8; BLOCK];

/// Filter of lines: those with all of `codes`, or with `instead`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Codes that a line must have.
    pub codes: Vec<String>,
    /// A code that stands for all of them: its lines have to be looked at one by one.
    pub instead: Option<String>,
}

impl Filter {
    /// Counts the lines that have all codes, and those that have the code that stands for them.
    ///
    /// # Errors
    /// The error of the store, or a row of another length.
    pub fn count(&self, store: &impl Store, kind: RecordKind) -> Result<u64, StoreError> {
        let mut count = 0;
        for block in 0..blocks(store, kind)? {
            count += self.bits(store, kind, block)?.iter().map(|byte| u64::from(byte.count_ones())).sum::<u64>();
        }
        Ok(count)
    }

    /// Calls `visit` with the number of each line, the newest first, below `after`, until it returns `false`.
    ///
    /// # Errors
    /// The error of the store, a row of another length, or the error of `visit`.
    pub fn visit<E: From<StoreError>>(
        &self,
        store: &impl Store,
        kind: RecordKind,
        after: Option<u64>,
        mut visit: impl FnMut(u64) -> Result<bool, E>,
    ) -> Result<(), E> {
        let end = after.unwrap_or(u64::MAX);
        let blocks = blocks(store, kind)?.min(end.div_ceil(LINES));
        for block in (0..blocks).rev() {
            let bits = self.bits(store, kind, block)?;
            for bit in (0..LINES).rev().filter(|bit| has(&bits, *bit)) {
                let number = block * LINES + bit;
                if number < end && !visit(number)? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn bits(&self, store: &impl Store, kind: RecordKind, block: u64) -> Result<Bits, StoreError> {
        let staged = Staged::new(store);
        let mut bits = if self.codes.is_empty() { [0; BLOCK] } else { [u8::MAX; BLOCK] };
        for code in &self.codes {
            let of_code = get(&staged, &row(kind, code, block))?;
            bits.iter_mut().zip(of_code).for_each(|(bits, code)| *bits &= code);
        }
        if let Some(code) = &self.instead {
            let of_code = get(&staged, &row(kind, code, block))?;
            bits.iter_mut().zip(of_code).for_each(|(bits, code)| *bits |= code);
        }
        Ok(bits)
    }
}

/// Sets or clears the bit of a line for a code.
pub(super) fn set<S: Store>(
    staged: &mut Staged<'_, S>,
    kind: RecordKind,
    code: &str,
    number: u64,
    value: bool,
) -> Result<(), StoreError> {
    let row = row(kind, code, number / LINES);
    let mut bits = get(staged, &row)?;
    let (byte, bit) = (usize::try_from(number % LINES / 8).expect("below 128"), 1 << (number % 8));
    if value {
        bits[byte] |= bit
    } else {
        bits[byte] &= !bit
    }
    staged.put(row, bits.to_vec());
    Ok(())
}

fn has(bits: &Bits, number: u64) -> bool {
    bits[usize::try_from(number / 8).expect("below 128")] & (1 << (number % 8)) != 0
}

fn get(staged: &Staged<'_, impl Store>, row: &Row) -> Result<Bits, StoreError> {
    staged.get(row)?.map_or(Ok([0; BLOCK]), |value| value.try_into().map_err(|_| altered()))
}

fn blocks(store: &impl Store, kind: RecordKind) -> Result<u64, StoreError> {
    Ok(counts(store, kind)?.next.div_ceil(LINES))
}

fn row(kind: RecordKind, code: &str, block: u64) -> Row {
    Row::new(Table::Catalogue, [&prefix("code ", kind), code.as_bytes()].concat(), place(block))
}
