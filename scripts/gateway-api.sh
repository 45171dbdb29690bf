# The page and the HTTP API of a host's gateway, by curl from this machine: source it after scripts/hosts.sh.

gateway=http://127.0.0.1:7480

# Chooses the host, and makes a token, which `api` shows: gateway_use NAME
gateway_use() {
    gateway_host=$1
    token=$(host "$1" tessera-web token create check --role submitter)
}
web() { in_network_of "$gateway_host" curl -sS --fail-with-body --max-time 20 "$@"; }
api() { web -H "Authorization: Bearer $token" "$@"; }
# The first member of that name in an answer: member NAME
member() { grep -o "\"$1\":\"\?[^,\"}]*" | head -n 1 | cut -d: -f2- | tr -d '"'; }

# Makes a job of one image, whose file is still to be sent, and sets `api_job` and `upload`: api_submit PIPELINE FILE
api_submit() {
    local answer
    answer=$(api --json "{\"pipeline\":\"$1\",\"images\":[{\"name\":\"$(basename "$2")\",\"size\":$(stat -c %s "$2")}]}" \
        $gateway/api/v1/jobs) || fail "no job by the API: $answer"
    api_job=$(member job <<<"$answer")
    upload=$gateway$(member url <<<"$answer")
}
# Appends standard input to the upload: upload_part OFFSET COMPLETE, which is ?1 for the last part
upload_part() {
    api -X PATCH -H 'Content-Type: application/partial-upload' -H "Upload-Offset: $1" -H "Upload-Complete: $2" \
        --data-binary @- "$upload"
}
# The bytes of the upload that the gateway has.
upload_offset() { api --head "$upload" | tr -d '\r' | sed -n 's/^[Uu]pload-[Oo]ffset: //p' | grep .; }
api_job_is_done() { [ "$(api $gateway/api/v1/jobs/"$api_job" | member state)" = done ]; }
api_result_digest() { api $gateway/api/v1/jobs/"$api_job"/images/0/result | sha256sum | cut -d' ' -f1; }
