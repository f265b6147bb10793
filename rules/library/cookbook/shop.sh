# What the commands of these pages call: requests to a running demo as curl sends them, in few words. For bash, to be read
# in the folder that the demo runs in, with the id of the page's campaign: . rules/library/cookbook/shop.sh early
URL=${HOTDROP_SERVER:-http://127.0.0.1:8080}
CAMPAIGN=$1

# shopper NAME [TIER] prints a token to be that shopper with. Every page has shoppers of its own: ann is ann-early there.
shopper() {
  curl -sS "$URL/v1/demo/tokens" -H 'Content-Type: application/json' \
    -d "{\"role\": \"shopper\", \"id\": \"$1-$CAMPAIGN\", \"tier\": \"${2:-}\"}" | field token
}

# as TOKEN PATH [BODY] sends a request to /v1/PATH: a POST if there is a body, and be it empty, else a GET.
as() {
  if [ $# -eq 2 ]; then
    curl -sS -w '\n' "$URL/v1/$2" -H "Authorization: Bearer $1"
  else
    curl -sS -w '\n' "$URL/v1/$2" -H "Authorization: Bearer $1" -H 'Content-Type: application/json' \
      -H "Idempotency-Key: $RANDOM-$RANDOM-$RANDOM" -d "$3"
  fi
}

# wait_for TOKEN PATH WORDS asks for /v1/PATH until the answer has the words, and prints it; after 30 seconds it gives up,
# and says what it waited for and what the last answer was.
wait_for() {
  local answer end=$((SECONDS + ${WAIT_SECONDS:-30}))
  while answer=$(as "$1" "$2"); ! grep -qF -- "$3" <<< "$answer"; do
    if [ $SECONDS -ge $end ]; then
      printf 'waited %s s for %s in /v1/%s; the last answer was\n%s\n' "${WAIT_SECONDS:-30}" "$3" "$2" "$answer" >&2
      return 1
    fi
    sleep 0.1
  done
  printf '%s\n' "$answer"
}

# phase CAMPAIGN PHASE has that phase of the campaign begin now. Only a demo can do that.
phase() {
  as "$STAFF" "demo/campaigns/$1/phase" "{\"phase\": \"$2\"}" | field phase
}

# from_now SECONDS prints the moment so many seconds from now, as GNU's date can or BSD's.
from_now() {
  date -u -d "+$1 seconds" +%Y-%m-%dT%H:%M:%SZ 2>/dev/null || date -u -v "+$1S" +%Y-%m-%dT%H:%M:%SZ
}

# repost CODE ACCOUNT reports, as a social platform does, that an account reposted a link: signed with the platform's secret.
repost() {
  local events="{\"events\": [{\"id\": \"$RANDOM-$RANDOM-$RANDOM\", \"kind\": \"repost\", \"share\": \"$1\", \"by\": \"$2\"}]}"
  printf %s "$events" | bin/hotdrop keys sign data/demo-keys.json weibo |
    curl -sS -w '\n' "$URL/v1/social/weibo/events" -H @- -H 'Content-Type: application/json' -d "$events"
}

# bind_mine CAMPAIGN MECHANIC tests the rule in mine/MECHANIC.yaml and binds it in place of the shipped one, with the same
# config.
bind_mine() {
  bin/hotdrop mechanic test "mine/$2.yaml" || return
  sed 's/^/      /' "mine/$2.yaml" > mine/$2.rule.txt
  bin/hotdrop campaign export "$1" | sed -e "s/^  - mechanic: $2$/  - rule:/" -e "/^  - rule:\$/r mine/$2.rule.txt" |
    bin/hotdrop campaign apply - --reason "our own $2"
}

# field NAME prints the first string of that name in the JSON on stdin.
field() {
  sed -n "s/\"$1\":\"\([^\"]*\)\".*/@@\1/; s/.*@@//p"
}

# own NAME prints the first string of that name in the JSON on stdin that is of the page's campaign: the ids and codes of a
# campaign begin with its own. Lists of what a shopper has go over all campaigns.
own() {
  sed -n "s/\"$1\":\"\($CAMPAIGN\.[^\"]*\)\".*/@@\1/; s/.*@@//p"
}

# Where the pages put rules that are changed.
mkdir -p mine

# The operator's key, with which staff work. hotdrop's own commands find it in the same file.
STAFF=$(sed -n 's/.*"key": "\(hd_operator_[^"]*\)".*/\1/p' data/demo-keys.json | head -n 1)

# A page tells what happens from its beginning on, so it runs once on the same data.
if bin/hotdrop campaign get "$CAMPAIGN" > /dev/null 2>&1; then
  echo "The commands of this page ran before: there is a campaign $CAMPAIGN. To start over, stop the demo, rm -r data mine," \
    "and make run." >&2
  return 1
fi
