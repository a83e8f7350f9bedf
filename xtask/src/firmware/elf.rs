//! What a 32-bit little-endian ELF file says of its sections and symbols.

/// Bytes of a program, by what they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sizes {
    /// Instructions.
    pub(super) text: u32,
    /// Constants.
    pub(super) rodata: u32,
    /// Variables.
    pub(super) data: u32,
}

struct Section {
    kind: u32,
    flags: u32,
    offset: u32,
    size: u32,
    link: u32,
}

const SYMBOL_TABLE: u32 = 2;
const WRITE: u32 = 1;
const ALLOCATED: u32 = 2;
const EXECUTABLE: u32 = 4;
const SYMBOL_LEN: usize = 16;

/// The sizes of the sections that are in the device's memory.
pub(super) fn sizes(elf: &[u8]) -> Option<Sizes> {
    let mut sizes = Sizes::default();
    for section in sections(elf)? {
        if section.flags & ALLOCATED == 0 {
            continue;
        }
        match section.flags {
            flags if flags & EXECUTABLE != 0 => sizes.text += section.size,
            flags if flags & WRITE != 0 => sizes.data += section.size,
            _ => sizes.rodata += section.size,
        }
    }
    Some(sizes)
}

/// The names of all symbols.
pub(super) fn symbols(elf: &[u8]) -> Option<Vec<String>> {
    let sections = sections(elf)?;
    let table = sections.iter().find(|section| section.kind == SYMBOL_TABLE)?;
    let names = content(elf, sections.get(table.link as usize)?)?;
    let name = |symbol: &[u8]| {
        let rest = names.get(word(symbol, 0)? as usize..)?;
        let end = rest.iter().position(|byte| *byte == 0)?;
        Some(String::from_utf8_lossy(&rest[..end]).into_owned())
    };
    content(elf, table)?.chunks_exact(SYMBOL_LEN).map(name).collect()
}

fn sections(elf: &[u8]) -> Option<Vec<Section>> {
    if !elf.starts_with(b"\x7FELF\x01\x01") {
        return None;
    }
    let (table, len, count) = (word(elf, 32)? as usize, half(elf, 46)? as usize, half(elf, 48)?);
    let section = |number: usize| {
        let entry = elf.get(table + len * number..)?;
        let field = |nth: usize| word(entry, 4 * nth);
        Some(Section { kind: field(1)?, flags: field(2)?, offset: field(4)?, size: field(5)?, link: field(6)? })
    };
    (0..usize::from(count)).map(section).collect()
}

fn content<'a>(elf: &'a [u8], section: &Section) -> Option<&'a [u8]> {
    elf.get(section.offset as usize..)?.get(..section.size as usize)
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_le_bytes)
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().copied().map(u16::from_le_bytes)
}
