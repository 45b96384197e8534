//! Gives back the memory of program code that only the start has used.
use std::ffi::c_void;
use std::fs::read_to_string;
use std::io;
use std::ops::Range;

use anyhow::Context;
use rustix::mm::{Advice, madvise};

/// Removes the program's code from the memory of this process. The code that is still used is mapped
/// again from the file, which the kernel has cached; the rest, several times as large, is not.
pub fn release() -> anyhow::Result<()> {
    let mappings = read_to_string("/proc/self/maps")?;
    let code = code(&mappings, release as fn() -> anyhow::Result<()> as usize);
    let code = code.context("the mapping of the program's code is not in /proc/self/maps")?;
    discard(code).context("failed to give back the program's code")
}

#[expect(unsafe_code)]
fn discard(code: Range<usize>) -> io::Result<()> {
    let start = code.start as *mut c_void;
    // SAFETY: The range is one private mapping of the program's file that cannot be written to, so its
    // pages are the same when they are read from the file again.
    Ok(unsafe { madvise(start, code.len(), Advice::LinuxDontNeed) }?)
}

/// Returns the mapping that holds `address`, if it is private code that cannot be written to.
fn code(mappings: &str, address: usize) -> Option<Range<usize>> {
    let mapping = |line: &str| {
        let (range, rest) = line.split_once(' ')?;
        let (start, end) = range.split_once('-')?;
        let number = |text| usize::from_str_radix(text, 16).ok();
        rest.starts_with("r-xp ").then_some(number(start)?..number(end)?)
    };
    mappings.lines().filter_map(mapping).find(|range| range.contains(&address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_is_found() {
        let mappings = "1000-3000 r--p 00000000 fe:00 7 /usr/bin/carrel\n\
             3000-9000 r-xp 00002000 fe:00 7 /usr/bin/carrel\n\
             9000-a000 rw-p 00000000 00:00 0 \n\
             a000-b000 rwxp 00000000 00:00 0 \n";
        assert_eq!(code(mappings, 0x8fff), Some(0x3000..0x9000));
        for other in [0xfff, 0x2fff, 0x9000, 0xa000] {
            assert_eq!(code(mappings, other), None, "{other:x}");
        }
    }

    #[test]
    fn released_code_takes_no_memory_and_still_runs() {
        let in_memory = || {
            let status = read_to_string("/proc/self/status").unwrap();
            let line = status.lines().find_map(|line| line.strip_prefix("RssFile:")).unwrap();
            line.trim().trim_end_matches(" kB").parse::<u64>().unwrap()
        };
        let used = carrel_domain::DocumentPath::parse("a/b.json").unwrap().to_string();
        let before = in_memory();
        release().unwrap();
        let after = in_memory();
        assert!(after < before, "{before} kB before, {after} kB after");
        assert_eq!(used, carrel_domain::DocumentPath::parse("a/b.json").unwrap().to_string());
    }
}
