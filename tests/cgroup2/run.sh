#!/usr/bin/env bash
# The checks of control groups v2 in a machine that has all of its controllers: an emulated one (no /dev/kvm is wanted),
# with the kernel and the tools of Debian's packages, which are unpacked here and not installed. `run.sh [CHECK...]`.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
project=$(cd "$here/../.." && pwd)
work=${CGROUP2_DIR:-$project/.venv/cgroup2}
python=$(command -v /usr/bin/python3 || true)

problem() { echo "cgroup2: $1" >&2; exit "${2:-1}"; }

[ "$(uname -m)" = x86_64 ] || problem "the guest is of x86_64, this machine of $(uname -m)" 77
command -v apt-get >/dev/null || problem "the guest is made of Debian's packages, and there is no apt-get" 77
[ -n "$python" ] || problem "there is no /usr/bin/python3: the guest has Debian's own" 77
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || problem "$python is older than 3.11" 77

fetch() {
    mkdir -p "$work/archives/partial" "$work/root"
    kernel=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -1)
    if [ -z "$kernel" ]; then
        apt-get update -qq
        kernel=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -1)
    fi
    [ -n "$kernel" ] || problem "Debian's linux-image-cloud-amd64 cannot be found"
    apt-get install -qq -y --no-install-recommends --download-only -o Dir::Cache::archives="$work/archives" \
        qemu-system-x86 seabios >/dev/null
    (cd "$work/archives" && apt-get download -qq "$kernel-unsigned" busybox-static cpio)
    for package in "$work"/archives/*.deb; do dpkg -x "$package" "$work/root"; done
    touch "$work/.fetched"
}

build() {
    local guest=$work/guest
    rm -rf "$guest"
    mkdir -p "$guest"/{bin,usr/bin,usr/lib,proc,sys,tmp,dev,work/tests/isolation/cgroups}
    cp "$work/root/bin/busybox" "$guest/bin/busybox"
    for name in sh sleep setsid mount mkdir cat echo ls id grep dd poweroff insmod tr; do
        ln -s busybox "$guest/bin/$name"
    done
    version=$("$python" -c 'import sys; print(f"python{sys.version_info[0]}.{sys.version_info[1]}")')
    cp "/usr/bin/$version" "$guest/usr/bin/"
    ln -s "$version" "$guest/usr/bin/python3"
    cp -r "/usr/lib/$version" "$guest/usr/lib/"
    rm -rf "$guest/usr/lib/$version"/{test,idlelib,lib2to3,tkinter,ensurepip,dist-packages} "$guest/usr/lib/$version"/config-*
    for file in "$guest/usr/bin/$version" "$guest/usr/lib/$version"/lib-dynload/*.so; do
        ldd "$file" 2>/dev/null | grep -o '/[^ ]*\.so[^ ]*' || true
    done | sort -u | while read -r library; do
        mkdir -p "$guest$(dirname "$library")"
        cp -L "$library" "$guest$library"
    done
    cp -r "$project/isolation" "$guest/work/"
    cp "$project/tests/isolation/box.py" "$guest/work/tests/isolation/"
    cp "$project/tests/isolation/cgroups"/{roots,v2_checks}.py "$guest/work/tests/isolation/cgroups/"
    find "$guest" -name __pycache__ -prune -exec rm -rf {} +
    loop=$(find "$work/root" -name 'loop.ko*' | head -1)
    case "$loop" in
        *.xz) xz -dc "$loop" >"$guest/loop.ko" ;;
        ?*) cp "$loop" "$guest/loop.ko" ;;
    esac
    cp "$here/init.sh" "$guest/init"
    chmod +x "$guest/init"
    (cd "$guest" && find . | "$work/root/bin/cpio" -o -H newc --quiet | gzip -1) >"$work/guest.gz"
}

[ -e "$work/.fetched" ] || fetch
build
libraries=$work/root/usr/lib/x86_64-linux-gnu:$work/root/lib/x86_64-linux-gnu
checks=$(IFS=,; echo "$*")
LD_LIBRARY_PATH=$libraries timeout "${CGROUP2_SECONDS:-600}" "$work/root/usr/bin/qemu-system-x86_64" \
    -L "$work/root/usr/share/qemu" -L "$work/root/usr/share/seabios" -accel tcg,thread=multi -cpu max -m 1024 -smp 2 \
    -nodefaults -nographic -serial stdio -no-reboot -kernel "$work"/root/boot/vmlinuz* -initrd "$work/guest.gz" \
    -append "console=ttyS0 quiet panic=-1 psi=1 cgroup_no_v1=all checks=$checks" </dev/null | tee "$work/guest.log"
grep -q '^EXIT 0' "$work/guest.log" || problem "a check failed, or the guest did not come to its end"
