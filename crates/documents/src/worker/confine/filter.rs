//! Filters the system calls of a worker to those for memory, its own threads, the time, and reading
//! and writing open files.
use std::collections::BTreeMap;

use libc::c_long;
use seccompiler::SeccompCmpArgLen::{Dword, Qword};
use seccompiler::SeccompCmpOp::{Eq, MaskedEq};
use seccompiler::{
    BackendError, BpfProgram, Error, SeccompAction, SeccompCmpArgLen, SeccompCmpOp,
    SeccompCondition, SeccompFilter, SeccompRule, TargetArch, apply_filter_all_threads,
};

/// System calls allowed with any arguments.
const ALLOWED: &[c_long] = &[
    // Open files: the input, the reply, standard error.
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_pread64,
    libc::SYS_lseek,
    libc::SYS_fstat,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_close,
    // Memory.
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    // Threads and their signals.
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_gettid,
    libc::SYS_getpid,
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
    // Time, and the seeds of hash tables.
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_gettimeofday,
    libc::SYS_getrandom,
];

/// Conditions on the arguments of an allowed call, all of which must hold.
type Arguments = &'static [(u8, SeccompCmpArgLen, SeccompCmpOp, u64)];

const NOT_EXECUTABLE: Arguments = &[(2, Dword, MaskedEq(libc::PROT_EXEC as u64), 0)];

const THREAD: u64 = libc::CLONE_THREAD as u64;

/// System calls allowed only with certain arguments.
const CONDITIONAL: &[(c_long, Arguments)] = &[
    (libc::SYS_mmap, NOT_EXECUTABLE),
    (libc::SYS_mprotect, NOT_EXECUTABLE),
    // Only threads, not processes.
    (libc::SYS_clone, &[(0, Dword, MaskedEq(THREAD), THREAD)]),
    // Naming a thread.
    (libc::SYS_prctl, &[(0, Dword, Eq, libc::PR_SET_NAME as u64)]),
    // Reading its own limits, not setting them.
    (libc::SYS_prlimit64, &[(0, Dword, Eq, 0), (2, Qword, Eq, 0)]),
    (libc::SYS_fcntl, &[(1, Dword, Eq, libc::F_GETFD as u64)]),
];

/// Refuses all other calls from now on, in every thread. The inner error says that the kernel or
/// the processor architecture does not support filters.
pub fn install() -> Result<Result<(), &'static str>, String> {
    const LACKING: &str = "a filter of system calls";
    let Ok(arch) = TargetArch::try_from(std::env::consts::ARCH) else { return Ok(Err(LACKING)) };
    let program = program(arch).map_err(|error| format!("{LACKING}: {error}"))?;
    match apply_filter_all_threads(&program) {
        Ok(()) => Ok(Ok(())),
        Err(Error::Seccomp(error) | Error::Prctl(error)) if is_unknown(&error) => Ok(Err(LACKING)),
        Err(error) => Err(format!("{LACKING}: {error}")),
    }
}

fn is_unknown(error: &std::io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EINVAL))
}

/// Refused calls fail like unimplemented ones. That makes the C library use `clone`, whose
/// arguments a filter can check, instead of `clone3`, and others use a fallback.
fn program(arch: TargetArch) -> Result<BpfProgram, BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    rules.extend(ALLOWED.iter().map(|call| (*call, Vec::new())));
    for (call, arguments) in CONDITIONAL {
        rules.insert(*call, vec![rule(arguments)?]);
    }
    // A worker may abort itself, but signal nobody else.
    let own = u64::from(std::process::id());
    let abort = SeccompCondition::new(0, Dword, Eq, own)?;
    rules.insert(libc::SYS_tgkill, vec![SeccompRule::new(vec![abort])?]);
    let refused = SeccompAction::Errno(libc::ENOSYS.cast_unsigned());
    SeccompFilter::new(rules, refused, SeccompAction::Allow, arch)?.try_into()
}

fn rule(arguments: Arguments) -> Result<SeccompRule, BackendError> {
    let conditions = arguments.iter().cloned().map(|(number, length, operator, value)| {
        SeccompCondition::new(number, length, operator, value)
    });
    SeccompRule::new(conditions.collect::<Result<_, _>>()?)
}
