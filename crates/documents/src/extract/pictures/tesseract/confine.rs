//! Confines the program: it reads its libraries and languages, and reaches nothing else.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError,
    Scope, path_beneath_rules,
};
use libc::c_long;
use seccompiler::SeccompCmpArgLen::{Dword, Qword};
use seccompiler::SeccompCmpOp::{Eq, MaskedEq};
use seccompiler::{
    BackendError, BpfProgram, Error, SeccompAction, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch, apply_filter,
};

/// The newest rules that are asked for; an older kernel applies those that it knows.
const NEWEST: ABI = ABI::V6;

/// Where systems keep programs, libraries and what these read when they start.
const READABLE: [&str; 11] = [
    "/usr",
    "/bin",
    "/lib",
    "/lib64",
    "/nix/store",
    "/gnu/store",
    "/etc/ld.so.cache",
    "/etc/ld.so.preload",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/sys/devices/system/cpu",
];

/// The same of a program that is installed elsewhere, below the directory of its `bin`.
const READABLE_BESIDE_BIN: [&str; 5] =
    ["lib", "lib64", "share/tessdata", "share/tesseract", "share/tesseract-ocr"];

/// System calls allowed with any arguments. Files are the concern of Landlock.
const ALLOWED: &[c_long] = &[
    // Files.
    libc::SYS_openat,
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_pread64,
    libc::SYS_lseek,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_statfs,
    libc::SYS_readlinkat,
    libc::SYS_faccessat,
    libc::SYS_getdents64,
    libc::SYS_fadvise64,
    libc::SYS_getcwd,
    libc::SYS_chdir,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_close,
    libc::SYS_close_range,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_pipe2,
    libc::SYS_fcntl,
    libc::SYS_ppoll,
    libc::SYS_pselect6,
    // Memory, executable too: that of libraries.
    libc::SYS_brk,
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_mprotect,
    libc::SYS_madvise,
    // Its start, its threads and their signals.
    libc::SYS_execve,
    libc::SYS_wait4,
    libc::SYS_waitid,
    libc::SYS_set_tid_address,
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_getpgid,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getegid,
    libc::SYS_getcpu,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_sigaltstack,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_restart_syscall,
    libc::SYS_exit,
    libc::SYS_exit_group,
    // Time, seeds, and what machine it is on.
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_gettimeofday,
    libc::SYS_getrusage,
    libc::SYS_times,
    libc::SYS_getrandom,
    libc::SYS_uname,
    libc::SYS_sysinfo,
];

/// Older names of the same, which other kinds of processors do not have.
#[cfg(target_arch = "x86_64")]
const OLDER: &[c_long] = &[
    libc::SYS_open,
    libc::SYS_stat,
    libc::SYS_lstat,
    libc::SYS_access,
    libc::SYS_readlink,
    libc::SYS_getdents,
    libc::SYS_dup2,
    libc::SYS_pipe,
    libc::SYS_poll,
    libc::SYS_select,
    libc::SYS_fork,
    libc::SYS_vfork,
    libc::SYS_getpgrp,
    libc::SYS_time,
    libc::SYS_arch_prctl,
];
#[cfg(not(target_arch = "x86_64"))]
const OLDER: &[c_long] = &[];

/// Flags of `clone` that make namespaces.
const NAMESPACES: u64 = (libc::CLONE_NEWUSER
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWCGROUP) as u64;

/// Confines this thread, and the program that it starts, for good. What a kernel lacks is left out:
/// the worker has told of it.
pub fn confine_thread(program: &Path) -> Result<(), String> {
    restrict(program).map_err(|error| format!("Landlock: {error}"))?;
    let Ok(arch) = TargetArch::try_from(std::env::consts::ARCH) else { return Ok(()) };
    let failed = |error: &dyn std::fmt::Display| format!("a filter of system calls: {error}");
    match apply_filter(&filter(arch).map_err(|error| failed(&error))?) {
        Err(Error::Seccomp(error) | Error::Prctl(error))
            if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EINVAL)) =>
        {
            Ok(())
        }
        applied => applied.map_err(|error| failed(&error)),
    }
}

fn restrict(program: &Path) -> Result<(), RulesetError> {
    let reading = AccessFs::from_read(NEWEST);
    let of_null = AccessFs::ReadFile | AccessFs::WriteFile;
    let rules = Ruleset::default()
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(AccessNet::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?;
    let rules = rules.create()?.add_rules(path_beneath_rules(READABLE, reading))?;
    let rules = rules.add_rules(path_beneath_rules(own_files(program), reading))?;
    rules.add_rules(path_beneath_rules(["/dev/null"], of_null))?.restrict_self()?;
    Ok(())
}

fn own_files(program: &Path) -> Vec<PathBuf> {
    let program = program.canonicalize().unwrap_or_else(|_| program.to_owned());
    let bin = program.parent().filter(|directory| directory.ends_with("bin"));
    let beside_bin = bin.and_then(Path::parent).into_iter();
    let beside_bin = beside_bin.flat_map(|root| READABLE_BESIDE_BIN.map(|name| root.join(name)));
    beside_bin.chain([program.clone()]).collect()
}

/// A refused call is answered as one that the kernel does not have: that makes the C library use
/// `clone`, whose arguments a filter can see, in place of `clone3`.
fn filter(arch: TargetArch) -> Result<BpfProgram, BackendError> {
    let calls = ALLOWED.iter().chain(OLDER);
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        calls.map(|call| (*call, Vec::new())).collect();
    for (call, condition) in [
        (libc::SYS_clone, SeccompCondition::new(0, Qword, MaskedEq(NAMESPACES), 0)?),
        // The name of a thread.
        (libc::SYS_prctl, SeccompCondition::new(0, Dword, Eq, libc::PR_SET_NAME as u64)?),
        // Its own limits, to be read and not to be set.
        (libc::SYS_prlimit64, SeccompCondition::new(2, Qword, Eq, 0)?),
        // Whether its output is a terminal.
        (libc::SYS_ioctl, SeccompCondition::new(1, Dword, Eq, libc::TCGETS)?),
    ] {
        rules.insert(call, vec![SeccompRule::new(vec![condition])?]);
    }
    let refused = SeccompAction::Errno(libc::ENOSYS.cast_unsigned());
    SeccompFilter::new(rules, refused, SeccompAction::Allow, arch)?.try_into()
}
