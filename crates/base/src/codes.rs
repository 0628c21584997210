//! Action-unit codes in the columns of a table: one column of FACS codes, or one column for each unit.

use std::collections::BTreeSet;

use csv::StringRecord;

use crate::facs::{Cell, letter, pooled, sides};
use crate::table::{Row, listed, place, plain_name};

/// The units of a coded image.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Coded {
    /// The units present, ascending, each with its intensity: 0 not graded, 1 to 5 = A to E.
    pub units: Vec<(u8, u8)>,
    /// The units that were coded with a side, as in the column `sides`.
    pub sides: String,
}

/// The codes of every row of a table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Codes {
    /// `None` for a row that nobody coded.
    pub rows: Vec<Option<Coded>>,
    /// What was assumed, in sentences.
    pub notes: Vec<String>,
    /// Whether a program estimated them: OpenFace, py-feat and the like.
    pub machine_coded: bool,
}

/// Names of the column of FACS codes, as [`plain_name`] writes them.
const NAMES: &str = "aus codes facs facscodes facscode actionunits aucodes aucode";
/// Names that mean FACS codes where nothing else does.
const VAGUE: &str = "code au";
/// Names of a column of grades beside a column `au`.
const GRADES: &str = "intensity intensities grade level";
/// Columns that only programs write: OpenFace, py-feat, LibreFace.
const PROGRAMS: &str = "success facescore facerectx gaze0x posetx poserx lmmp0x";
/// The note on codes that a program estimated.
pub const MACHINE: &str =
    "The codes are machine-coded: a program's estimates, not the judgement of a FACS coder.";
/// From which probability a unit counts as present (our choice).
const PROBABLE: f64 = 0.5;
/// From which estimated intensity a unit counts as present: grade A (our choice).
const ESTIMATED: f64 = 1.0;

impl Codes {
    /// Reads the codes of `rows` below `columns`.
    ///
    /// # Errors
    /// A sentence: no column of codes, the line and the cell that is wrong, or empty cells that may mean two things.
    pub fn read(columns: &StringRecord, rows: &[Row]) -> Result<Self, String> {
        let wide = wide(columns)?;
        let Some(column) = column(columns, wide.is_empty())? else {
            if wide.is_empty() {
                return Err(format!(
                    "no column `aus` (it has: {}); write one as in samples.csv (`1:3;12:0` or 1c+12, `none` for coded without \
                     any unit, `NA` for not coded), or one column for each action unit (AU12, AU12_c, AU12_r)",
                    listed(columns)
                ));
            }
            let mut codes = of_units(columns, &wide, rows)?;
            let unread = place(columns, "au").map(|_| {
                "The column `au` is not read, since there are columns of single action units: call it `aus` if it holds the codes."
            });
            codes.notes.extend(unread.map(str::to_owned));
            return Ok(codes);
        };
        if plain_name(&columns[column]) == "au" && place(columns, GRADES).is_some() {
            return Err(
                "a row for each action unit (the columns `au` and its intensity) is not read: write the units of an image into one cell \
                 (12:3;25:0)"
                    .to_owned(),
            );
        }
        let name = &columns[column];
        let mut codes = of_column(column, name, rows)?;
        let ignored = format!(
            "The columns of single action units are not read, since there is a column `{name}`."
        );
        codes.notes.extend((!wide.is_empty()).then_some(ignored));
        Ok(codes)
    }

    /// Whether a table has a column of codes.
    pub fn exist(columns: &StringRecord) -> bool {
        !matches!(wide(columns), Ok(wide) if wide.is_empty()) || column(columns, true) != Ok(None)
    }
}

/// The one column of FACS codes; `alone` where there are no columns of single units.
fn column(columns: &StringRecord, alone: bool) -> Result<Option<usize>, String> {
    let named = |name: &&str| NAMES.split(' ').any(|own| own == plain_name(name));
    let found = Vec::from_iter(columns.iter().filter(named));
    match found[..] {
        [one, other, ..] => Err(format!(
            "the columns `{one}` and `{other}` both hold FACS codes; keep one of the two"
        )),
        [_] => Ok(place(columns, NAMES)),
        [] => Ok(place(columns, VAGUE).filter(|_| alone)),
    }
}

fn of_column(column: usize, name: &str, rows: &[Row]) -> Result<Codes, String> {
    let read = |row: &Row| {
        let text = row.cells.get(column).unwrap_or_default();
        let cell = Cell::read(text);
        cell.map_err(|fault| format!("line {}: {name} `{text}`: {fault}", row.line))
    };
    let cells = rows.iter().map(read).collect::<Result<Vec<Cell>, _>>()?;
    let count = |wanted: &Cell| cells.iter().filter(|cell| *cell == wanted).count();
    let [empty, uncoded, none] =
        [Cell::Empty, Cell::NotCoded, Cell::Coded(vec![])].map(|kind| count(&kind));
    let (of_empty, note) = match (empty, none, uncoded) {
        (0, ..) => (Some(Coded::default()), None),
        (_, 0, 1..) => (
            Some(Coded::default()),
            Some(format!(
                "{empty} empty cells of `{name}` count as coded, without any action unit, since others are `NA` (not coded)."
            )),
        ),
        (_, 1.., 1..) => {
            let mut rows = rows.iter().zip(&cells);
            let first = rows.find(|(_, cell)| **cell == Cell::Empty);
            let line = first.map_or(0, |(row, _)| row.line);
            return Err(format!(
                "{empty} cells of `{name}` are empty (first in line {line}), while others are `none` or `NA`: write `none` (coded, no \
                 action unit) or `NA` (not coded) into them"
            ));
        }
        (_, 1.., 0) => (
            None,
            Some(format!(
                "{empty} empty cells of `{name}` count as not coded (NA): the table writes `none` for an image without any action unit."
            )),
        ),
        (_, 0, 0) => (
            Some(Coded::default()),
            Some(format!(
                "{empty} of {} cells of `{name}` are empty and none is `NA`: they count as coded, without any action unit. If pandas or \
             a spreadsheet saved this table, `NA` (not coded) may have become empty there: write `none` or `NA` into these cells \
             (pandas: read_csv(…, keep_default_na=False)).",
                cells.len()
            )),
        ),
    };
    let coded = |cell: Cell| match cell {
        Cell::NotCoded => None,
        Cell::Empty => of_empty.clone(),
        Cell::Coded(units) => Some(Coded {
            sides: sides(&units),
            units: pooled(&units),
        }),
    };
    Ok(Codes {
        rows: cells.into_iter().map(coded).collect(),
        notes: Vec::from_iter(note),
        machine_coded: false,
    })
}

/// What a column of a single unit holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// `AU12_c`: 0 or 1.
    Presence,
    /// `AU12_r`: 0 to 5, with fractions.
    Intensity,
    /// `AU12`: either, or a probability.
    Bare,
}

/// A column of a single unit: its number, kind and place.
type Unit = (u8, Kind, usize);

/// The columns of single units.
///
/// # Errors
/// Two columns of one unit and kind: either one could be meant.
fn wide(columns: &StringRecord) -> Result<Vec<Unit>, String> {
    let read = |(at, name): (usize, &str)| {
        let name = plain_name(name);
        let rest = name.strip_prefix("au")?;
        let kind = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        let number = &rest[..rest.len() - kind.len()];
        let kind = match kind {
            "" => Kind::Bare,
            "c" | "occ" | "presence" => Kind::Presence,
            "r" | "int" | "intensity" => Kind::Intensity,
            _ => return None,
        };
        let au = number.parse().ok().filter(|au| (1..=99).contains(au))?;
        Some((au, kind, at))
    };
    let plain = BTreeSet::from_iter(columns.iter().map(plain_name));
    let side = |name: &&str| {
        let name = plain_name(name);
        let of_unit = name.strip_prefix("au");
        let number = of_unit.and_then(|rest| rest.strip_suffix('l').or(rest.strip_prefix('l')));
        let left = || name.strip_prefix('l');
        let number = number.or_else(|| left().filter(|n| plain.contains(&format!("r{n}"))));
        number.is_some_and(|number| number.parse::<u8>().is_ok())
    };
    if let Some(side) = columns.iter().find(side) {
        return Err(format!(
            "columns of one side such as `{side}` are not read: write the stronger side into one column for each unit, or codes \
             with sides (L12C+R14) into a column `aus`"
        ));
    }
    let mut wide: Vec<_> = columns.iter().enumerate().filter_map(read).collect();
    wide.sort_unstable();
    let twice = |pair: &&[Unit]| (pair[0].0, pair[0].1) == (pair[1].0, pair[1].1);
    match wide.windows(2).find(twice) {
        Some(pair) => Err(format!(
            "the columns `{}` and `{}` are both of action unit {}; keep one of the two",
            &columns[pair[0].2], &columns[pair[1].2], pair[0].0
        )),
        None => Ok(wide),
    }
}

/// Whether a program's columns are among these: those of faces and poses, or OpenFace's `AU12_c` and `AU12_r`.
fn of_program(columns: &StringRecord) -> bool {
    let unit = |name: &str| {
        let name = plain_name(name);
        let number = name.strip_prefix("au")?.strip_suffix(['c', 'r'])?.parse();
        number.ok().filter(|au| (1..=99u8).contains(au))
    };
    place(columns, PROGRAMS).is_some() || columns.iter().any(|name| unit(name).is_some())
}

/// Values of a row, `None` where one is missing.
fn values(row: &Row, wide: &[Unit]) -> Result<Vec<Option<f64>>, String> {
    let value = |&(au, kind, at): &Unit| {
        let text = row.cells.get(at).unwrap_or_default();
        if matches!(Cell::read(text), Ok(Cell::Empty | Cell::NotCoded)) {
            return Ok(None);
        }
        let most = if kind == Kind::Presence { 1.0 } else { 5.0 };
        let number = text.parse().ok().or_else(|| Some(f64::from(letter(text)?)));
        let number = number.filter(|number| (0.0..=most).contains(number));
        number.map(Some).ok_or_else(|| {
            let way_out = match text.replace(',', ".").parse::<f64>() {
                Ok(_) if text.contains(',') => "write a point for the decimal comma",
                _ => "leave the cell empty where it is unknown",
            };
            format!(
                "line {}: AU {au} `{text}` is not a number from 0 to {most}; {way_out}",
                row.line
            )
        })
    };
    wide.iter().map(value).collect()
}

fn of_units(columns: &StringRecord, wide: &[Unit], rows: &[Row]) -> Result<Codes, String> {
    let values = rows.iter().map(|row| values(row, wide));
    let values = values.collect::<Result<Vec<_>, _>>()?;
    let scale = Scale::of(wide, &values);
    let success = place(columns, "success");
    let (mut untracked, mut gaps) = (0, 0);
    let mut coded = Vec::with_capacity(rows.len());
    for (row, values) in rows.iter().zip(&values) {
        let cell = success.and_then(|at| row.cells.get(at)?.parse().ok());
        let (lost, known) = (cell == Some(0.0), values.iter().flatten().count());
        let whole = known == values.len();
        untracked += usize::from(lost);
        gaps += usize::from(!lost && known > 0 && !whole);
        coded.push((whole && !lost).then(|| scale.units(wide, values)));
    }
    let units: BTreeSet<u8> = wide.iter().map(|unit| unit.0).collect();
    let (count, rule) = (units.len(), scale.rule());
    let machine_coded = scale.fractions || of_program(columns);
    let mut notes = vec![format!(
        "Codes from columns of single action units ({count} units){rule}."
    )];
    if machine_coded {
        notes.push(MACHINE.to_owned());
    }
    for (count, why) in [
        (untracked, "the program found no face in them (success 0)"),
        (gaps, "some of their units are empty"),
    ] {
        let note = format!("{count} rows count as not coded: {why}.");
        notes.extend((count > 0).then_some(note));
    }
    Ok(Codes {
        rows: coded,
        notes,
        machine_coded,
    })
}

/// What the numbers in columns of single units mean.
struct Scale {
    presence: bool,
    intensity: bool,
    bare: bool,
    /// Whether any number has a fraction: an estimate.
    fractions: bool,
    /// Whether bare columns hold intensities, numbers above 1.
    graded: bool,
}

impl Scale {
    fn of(wide: &[Unit], values: &[Vec<Option<f64>>]) -> Self {
        let has = |kind: Kind| wide.iter().any(|(_, own, _)| *own == kind);
        let mut numbers = values.iter().flatten().flatten();
        let bare = values.iter().flat_map(|row| row.iter().zip(wide));
        let mut bare = bare.filter(|(_, (_, kind, _))| *kind == Kind::Bare);
        Self {
            presence: has(Kind::Presence),
            intensity: has(Kind::Intensity),
            bare: has(Kind::Bare),
            fractions: numbers.any(|value| value.fract() != 0.0),
            graded: bare.any(|(value, _)| value.is_some_and(|value| value > 1.0)),
        }
    }

    /// The least bare number of a unit that is present.
    fn from(&self) -> f64 {
        match (self.fractions, self.graded) {
            (true, true) => ESTIMATED,
            (true, false) => PROBABLE,
            (false, _) => f64::MIN_POSITIVE,
        }
    }

    /// The rule in words, as the end of a sentence.
    fn rule(&self) -> &'static str {
        match (self.fractions, self.graded) {
            _ if self.presence => ": present where AU…_c is 1",
            _ if self.intensity => ": estimated intensities, present from 1 (grade A) on",
            _ if !self.bare => "",
            (true, true) => ": estimated intensities, present from 1 (grade A) on",
            (true, false) => ": probabilities, present from 0.5 on",
            (false, true) => ": intensities, present from 1 on",
            (false, false) => ": 1 is present",
        }
    }

    /// The units of a row without gaps. A presence decides alone; the intensity of the same unit grades it.
    fn units(&self, wide: &[Unit], values: &[Option<f64>]) -> Coded {
        let grade = |value: f64| value.round().clamp(1.0, 5.0) as u8;
        let cells = Vec::from_iter(wide.iter().zip(values.iter().flatten()));
        let units = cells.chunk_by(|(a, _), (b, _)| a.0 == b.0);
        let units = units.filter_map(|unit| {
            let of = |wanted: Kind| {
                let cell = unit.iter().find(|((_, kind, _), _)| *kind == wanted);
                cell.map(|(_, value)| **value)
            };
            let intensity = of(Kind::Intensity);
            let graded = || intensity.filter(|r| *r > 0.0).map_or(0, grade);
            let intensity = match (of(Kind::Presence), of(Kind::Bare)) {
                (Some(presence), _) => (presence >= PROBABLE).then(graded),
                (None, Some(bare)) if intensity.is_none() && self.graded => {
                    (bare >= self.from()).then(|| grade(bare))
                }
                (None, Some(bare)) => (bare >= self.from()).then(graded),
                (None, None) => intensity.filter(|r| *r >= ESTIMATED).map(grade),
            };
            Some((unit[0].0.0, intensity?))
        });
        Coded {
            units: units.collect(),
            sides: String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Table;

    fn read(text: &str) -> Result<Codes, String> {
        let table = Table::open(text.as_bytes())?;
        let columns = table.columns().clone();
        let rows = table.records().collect::<Result<Vec<_>, _>>()?;
        Codes::read(&columns, &rows)
    }

    fn units(text: &str) -> Vec<Option<Vec<(u8, u8)>>> {
        let rows = read(text).unwrap().rows.into_iter();
        rows.map(|row| row.map(|coded| coded.units)).collect()
    }

    #[test]
    fn empty_cells_mean_what_the_other_cells_leave_to_them() {
        let (present, nothing) = (Some(vec![(12, 3)]), Some(vec![]));
        // As written before the mark `none`.
        let old = read("i,aus\n0,12:3\n1,\n2,NA\n").unwrap();
        assert!(old.notes[0].contains("1 empty cells of `aus` count as coded, without"));
        assert_eq!(
            units("i,aus\n0,12:3\n1,\n2,NA\n"),
            [present.clone(), nothing.clone(), None]
        );
        // As written from then on.
        assert_eq!(
            units("i,aus\n0,12:3\n1,none\n2,NA\n"),
            [present.clone(), nothing.clone(), None]
        );
        // The same after pandas, which empties NA alone: told.
        let pandas = read("i,aus\n0,12:3\n1,none\n2,\n").unwrap();
        assert!(pandas.rows[2].is_none() && pandas.notes[0].contains("1 empty cells"));
        let pandas = read("i,aus\n0,12:3\n1,\n2,\n").unwrap();
        assert!(
            pandas.rows[1].is_some()
                && pandas.notes[0].contains("2 of 3 cells of `aus` are empty and none is `NA`")
        );
        let mixed = read("i,aus\n0,none\n1,\n2,NA\n").unwrap_err();
        assert!(mixed.contains("first in line 3"), "{mixed}");
    }

    #[test]
    fn columns_of_openface() {
        let table = "frame, success, AU06_r, AU12_r, AU06_c, AU12_c\n1, 1, 0.00, 1.60, 0.00, 1.00\n2, 0, 1, 1, 1, 1\n3, 1, 2.2, 0, 0, 1\n";
        assert_eq!(
            units(table),
            [Some(vec![(12, 2)]), None, Some(vec![(12, 0)])]
        );
        let codes = read(table).unwrap();
        assert!(codes.machine_coded && codes.notes.join(" ").contains("machine-coded"));
        assert!(
            codes
                .notes
                .join(" ")
                .contains("1 rows count as not coded: the program found no face")
        );
        assert_eq!(units("AU06_r,AU12_r\n0.99,1.0\n"), [Some(vec![(12, 1)])]);
    }

    #[test]
    fn columns_of_py_feat_and_of_coders() {
        let codes = read("input,AU06,AU12\na.png,0.49,0.5\nb.png,,0.9\n").unwrap();
        assert_eq!(codes.rows[0].as_ref().unwrap().units, [(12, 0)]);
        assert!(
            codes.rows[1].is_none() && codes.machine_coded,
            "{:?}",
            codes.notes
        );
        let coder = read("au1,au_2,AU 12\n0,5,1\n").unwrap();
        assert_eq!(coder.rows[0].as_ref().unwrap().units, [(2, 5), (12, 1)]);
        assert!(!coder.machine_coded);
        assert_eq!(units("AU1,AU2\n1,0\n"), [Some(vec![(1, 0)])]);
        for (program, is) in [
            ("AU01_c,AU12_c\n0,1\n", true),
            ("FaceScore,AU01,AU12\n0.9,1,0\n", true),
            ("AU1_occ,AU1_int\n1,3\n", false),
        ] {
            assert_eq!(read(program).unwrap().machine_coded, is, "{program}");
        }
        let letters = units("AU6;AU12\nb;0\n;E\n2;A\n");
        assert_eq!(
            letters,
            [Some(vec![(6, 2)]), None, Some(vec![(6, 2), (12, 1)])]
        );
        let comma = read("AU6;AU12\n1,37;0\n").unwrap_err();
        assert!(comma.contains("decimal comma"), "{comma}");
        for bad in ["AU1,AU2\n9,0\n", "AU1\n-1\n", "AU1_c\n2\n", "AU1\nx\n"] {
            assert!(read(bad).unwrap_err().starts_with("line 2: AU 1 "), "{bad}");
        }
    }

    #[test]
    fn of_two_columns_that_may_be_meant_neither_is_taken() {
        for (twice, part) in [
            (
                "AU12,AU_12\n1,0\n",
                "`au12` and `au_12` are both of action unit 12",
            ),
            ("AU12,au012\n1,0\n", "both of action unit 12"),
            (
                "AU12_L,AU12_R\n1,2\n",
                "columns of one side such as `au12_l`",
            ),
            ("AUL12,AUR12\n1,2\n", "columns of one side such as `aul12`"),
            (
                "index,L12,R12\n0,1,2\n",
                "columns of one side such as `l12`",
            ),
            ("facs,aus\n1,2\n", "`facs` and `aus` both hold FACS codes"),
        ] {
            let error = read(twice).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
        let error = read("index,AU,Intensity\n0,12,3\n").unwrap_err();
        assert!(error.contains("a row for each action unit"), "{error}");
        let told = read("AU,AU12\n1+2,0\n").unwrap().notes.join("\n");
        assert!(told.contains("The column `au` is not read"), "{told}");
        // A participant's code is no FACS code where the units have columns.
        assert_eq!(units("code,AU4,AU12\n17,0,1\n"), [Some(vec![(12, 0)])]);
        assert_eq!(units("code\n17\n"), [Some(vec![(17, 0)])]);
    }

    #[test]
    fn a_table_without_codes_is_shown_their_form() {
        let error = read("index,subject\n0,1\n").unwrap_err();
        assert!(
            error.contains("no column `aus` (it has: index, subject)") && error.contains("1:3"),
            "{error}"
        );
        let error = read("index,FACS codes\n0,12:9\n").unwrap_err();
        assert!(error.starts_with("line 2: facs codes `12:9`: "), "{error}");
    }
}
