# SPDX-License-Identifier: GPL-2.0
# Packages that are only extracted, through a state of apt of our own in build/apt: the system's is only read.
# Sourced after lib.sh.
# shellcheck shell=bash
# shellcheck source=tools/lib.sh

# Point apt at a private state with fresh lists: of the system's sources, or of another suite of Debian on the mirror
# that the system's own suite comes from.
# usage: private_apt [SUITE]
private_apt()
{
	local state=$BUILD/apt/${1:-system} mirror
	command -v apt-get >/dev/null || die "apt-get is missing: this takes Debian packages, run it on Debian"
	mkdir -p "$state/lists/partial" "$state/cache"

	cat >"$state/apt.conf" <<-EOF
		APT::Architecture "amd64";
		APT::Architectures { "amd64"; "arm64"; };
		APT::Sandbox::User "root";
		Dir::State::lists "$state/lists";
		Dir::Cache "$state/cache";
	EOF
	if [ -n "${1:-}" ]; then
		mirror=$(system_mirror)
		[ -n "$mirror" ] || die "no source of apt has the main component of this Debian: configure Debian 12"
		echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $1 main" >"$state/sources.list"
		cat >>"$state/apt.conf" <<-EOF
			Dir::Etc::sourcelist "$state/sources.list";
			Dir::Etc::sourceparts "-";
			APT::Update::Error-Mode "any";
		EOF
	fi
	export APT_CONFIG=$state/apt.conf

	# Old lists name versions that the archive no longer has: always look first.
	step "update the private package lists (log: ${state#"$TOP"/}/update.log)"
	apt-get update >"$state/update.log" 2>&1 ||
		die "apt-get update failed: $(grep -m 1 '^[EW]:' "$state/update.log"); check the network and the mirror"
}

system_mirror()
{
	# shellcheck disable=SC2016 # apt-get's variables, not the shell's
	apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
		awk -v "release=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)" '
			$1 == release && $2 == "main" { print $3; exit }'
}
