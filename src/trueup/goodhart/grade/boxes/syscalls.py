"""System calls that a submission has no use for, with their numbers. Data.

Numbers: the kernel's `asm/unistd_64.h` (x86_64) and `asm-generic/unistd.h` (aarch64). None where a
machine does not have the call.
"""

from __future__ import annotations

__all__ = ["ARCHITECTURES", "DENIED", "NUMBERS"]

ARCHITECTURES: dict[str, int] = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # AUDIT_ARCH_*

NUMBERS: dict[str, tuple[int | None, int | None]] = {
    "_sysctl": (156, None),
    "acct": (163, 89),
    "add_key": (248, 217),
    "adjtimex": (159, 171),
    "bpf": (321, 280),
    "chroot": (161, 51),
    "clock_adjtime": (305, 266),
    "clock_settime": (227, 112),
    "clone": (56, 220),
    "clone3": (435, 435),
    "connect": (42, 203),
    "create_module": (174, None),
    "delete_module": (176, 106),
    "fanotify_init": (300, 262),
    "fanotify_mark": (301, 263),
    "finit_module": (313, 273),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "init_module": (175, 105),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "ioctl": (16, 29),
    "ioperm": (173, None),
    "iopl": (172, None),
    "kcmp": (312, 272),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "kill": (62, 129),
    "lookup_dcookie": (212, 18),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "migrate_pages": (256, 238),
    "modify_ldt": (154, None),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "move_pages": (279, 239),
    "msgget": (68, 186),
    "name_to_handle_at": (303, 264),
    "nfsservctl": (180, 42),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "perf_event_open": (298, 241),
    "personality": (135, 92),
    "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424),
    "pivot_root": (155, 41),
    "prlimit64": (302, 261),
    "process_madvise": (440, 440),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "reboot": (169, 142),
    "request_key": (249, 218),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "semget": (64, 190),
    "sendto": (44, 206),
    "setdomainname": (171, 162),
    "sethostname": (170, 161),
    "setns": (308, 268),
    "settimeofday": (164, 170),
    "shmget": (29, 194),
    "socket": (41, 198),
    "socketpair": (53, 199),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "tgkill": (234, 131),
    "tkill": (200, 130),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "uselib": (134, None),
    "userfaultfd": (323, 282),
    "ustat": (136, None),
    "vhangup": (153, 58),
}

# Refused outright, with the error they get. ENOSYS where programs then do without.
_EPERM, _ENOSYS = 1, 38
_OTHER_PROCESSES = (
    "ptrace process_vm_readv process_vm_writev process_madvise kcmp pidfd_getfd migrate_pages "
    "move_pages"
)
_MOUNTS = (
    "mount umount2 pivot_root chroot move_mount open_tree fsopen fsconfig fsmount fspick "
    "mount_setattr unshare setns name_to_handle_at open_by_handle_at quotactl quotactl_fd swapon "
    "swapoff fanotify_init fanotify_mark"
)
_KERNEL = (
    "bpf perf_event_open userfaultfd add_key request_key keyctl kexec_load kexec_file_load "
    "init_module finit_module delete_module create_module reboot acct settimeofday clock_settime "
    "clock_adjtime adjtimex sethostname setdomainname iopl ioperm modify_ldt syslog vhangup "
    "personality nfsservctl lookup_dcookie uselib ustat _sysctl"
)
# Memory that no limit of a process counts, and a second way to make any call.
_UNCOUNTED = "memfd_create memfd_secret shmget semget msgget"
_RINGS = "io_uring_setup io_uring_enter io_uring_register clone3"

DENIED: dict[str, int] = {
    **dict.fromkeys(f"{_OTHER_PROCESSES} {_MOUNTS} {_KERNEL}".split(), _EPERM),
    **dict.fromkeys(f"{_UNCOUNTED} {_RINGS}".split(), _ENOSYS),
}
