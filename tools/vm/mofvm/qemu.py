# SPDX-License-Identifier: GPL-2.0
"""The QEMU command line of a guest."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Machine:
    """The parameters of an architecture."""
    qemu: str
    machine: str
    serial: list              # the console's device
    console: str              # words of the kernel's command line
    image: str                # below the O= directory


MACHINES = {
    "x86": Machine(
        "qemu-system-x86_64", "q35",
        ["-device", "isa-serial,index=0,chardev=console"],
        "console=ttyS0 earlyprintk=serial,ttyS0,115200 tsc=reliable",
        "arch/x86/boot/bzImage"),
    "arm64": Machine(
        "qemu-system-aarch64", "virt,gic-version=3",
        ["-serial", "chardev:console"], "console=ttyAMA0 earlycon",
        "arch/arm64/boot/Image"),
}


def accelerator(accel, icount):
    """QEMU's arguments for the accelerator."""
    if accel == "kvm":
        return ["-accel", "kvm"]
    if icount:
        # One thread, and virtual time in instructions: deterministic
        return ["-accel", "tcg,thread=single", "-icount", "shift=0,sleep=off"]
    return ["-accel", "tcg,thread=multi"]


def numa(topology, bind=None):
    """Nodes, their memory and distances.

    bind: host node for the memory of each guest node, in order.
    """
    args = ["-m", f"{topology.mem}M", "-smp", smp(topology)]
    cpu = 0
    for number, node in enumerate(topology.nodes):
        option = f"node,nodeid={number}"
        if node.cpus:
            option += f",cpus={cpu}-{cpu + node.cpus - 1}"
            cpu += node.cpus
        if node.mem:
            backend = f"memory-backend-ram,id=mem{number},size={node.mem}M"
            if bind:
                host = bind[number % len(bind)]
                backend += f",host-nodes={host},policy=bind,prealloc=on"
            args += ["-object", backend]
            option += f",memdev=mem{number}"
        args += ["-numa", option]
    for src, row in enumerate(topology.distances):
        for dst, value in enumerate(row):
            args += ["-numa", f"dist,src={src},dst={dst},val={value}"]
    return args


def smp(topology):
    """A socket per node if all nodes have the same number of CPUs, else one
    per CPU. The kernel warns of a socket whose cores are on several nodes."""
    counts = {node.cpus for node in topology.nodes if node.cpus}
    cores = counts.pop() if len(counts) == 1 else 1
    return f"{topology.cpus},sockets={topology.cpus // cores},cores={cores}"


def share(tag, path, readonly):
    """A directory of the host as 9p file system."""
    return ["-fsdev", f"local,id={tag},path={path},security_model=none,"
            f"multidevs=remap,readonly={'on' if readonly else 'off'}",
            "-device", f"virtio-9p-pci,fsdev={tag},mount_tag={tag}"]


def port(number, name, path):
    """A byte stream out of the guest, into path."""
    return ["-chardev", f"file,id={name},path={path}",
            "-device", f"virtserialport,nr={number},chardev={name},name={name}"]


def disk(path):
    """A raw disk with temporary content."""
    return ["-drive", f"if=none,id=disk0,file={path},format=raw,cache=unsafe",
            "-device", "virtio-blk-pci,drive=disk0"]


def terminal():
    """ttyS1 on our own terminal; C-a x ends QEMU."""
    return ["-chardev", "stdio,id=tty,mux=on,signal=off",
            "-device", "isa-serial,index=1,chardev=tty"]


def base(arch, cpu, kernel, log, append):
    """The arguments of every guest."""
    machine = MACHINES[arch]
    return [machine.qemu, "-no-user-config", "-nodefaults", "-display", "none",
            "-no-reboot", "-machine", machine.machine, "-cpu", cpu,
            "-kernel", kernel, "-append", append,
            "-chardev", f"file,id=console,path={log}", *machine.serial,
            "-device", "virtio-serial-pci"]
