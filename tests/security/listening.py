"""Where the processes that a test started listen."""

from ipaddress import ip_address

import psutil


def listeners(pid: int) -> dict[tuple[str, int], str]:
    """Address and port of each TCP socket on which the process or a descendant of it waits, with who does."""
    root = psutil.Process(pid)
    found = {}
    for process in [root, *root.children(recursive=True)]:
        try:
            for each in process.net_connections("inet"):
                if each.status == psutil.CONN_LISTEN:
                    found[each.laddr.ip, each.laddr.port] = " ".join(process.cmdline()[:4])
        except psutil.NoSuchProcess:
            continue
    return found


def beyond_loopback(pid: int) -> dict[tuple[str, int], str]:
    """Those of the listeners that other machines may reach."""
    return {where: who for where, who in listeners(pid).items() if not ip_address(where[0]).is_loopback}
