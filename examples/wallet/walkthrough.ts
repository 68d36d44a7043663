/**
 * The curl lines that walk through the whole API, for bash. They work as pasted, in this order.
 */

/**
 * @param wallet the origin that the example listens on
 * @param auditFile the first file of the audit trail
 */
export function walkthrough(wallet: string, auditFile: string): string {
  return `
# The story of the page as curl lines. They work as pasted into bash, in this order.
wallet=${wallet}; jar=$(mktemp); answer=$(mktemp); json='Content-Type: application/json'
field() { node -pe "JSON.parse(fs.readFileSync(0, 'utf8')).$1"; }
call() { curl -sSi -w '\\n\\n' -H "$json" "$@" | tee $answer; }
challenge() { sed -n 's/^X-Mfa-Challenge-Id: //p' $answer | tr -d '\\r'; }
token() { curl -sS -b $jar -c $jar -H "$json" "$@" | field accessToken; }
sign_in() { code=$(curl -sS $wallet/$1/auth/code -H "$json" -d '{"email":"ada@example.com"}' | field code)
  token $wallet/$1/auth/sign-in -d '{"email":"ada@example.com","code":"'$code'"}'; }
pass() { curl -sS -o /dev/null $wallet/demo/clock -H "$auth" -H "$json" -d '{"seconds":'$1'}'; }
code() { curl -sS $wallet/demo/phone -H "$auth" | field code; }

# 1. Sign in with a one-time code, which the example hands over instead of sending it by e-mail
auth="Authorization: Bearer $(sign_in cdp)"
call $wallet/me -H "$auth"
call $wallet/transfers -H "$auth"

# 2. An order above the balance is refused before MFA is asked for: 422, insufficient_funds
call $wallet/transfers -H "$auth" -H 'Idempotency-Key: order-01' -d '{"to":"Grace Hopper","amount":"9000"}'

# 3. 25 USDC need MFA, and no factor is set up: 403, mfa_not_enrolled, action enroll_mfa
call $wallet/transfers -H "$auth" -H 'Idempotency-Key: order-02' -d '{"to":"Grace Hopper","amount":"25"}'

# 4. Set up an authenticator app. A real user scans a QR code; /demo/phone stands for the phone that did
call -X POST $wallet/factors/totp -H "$auth"
call $wallet/factors/totp/confirm -H "$auth" -d '{"code":"'$(code)'"}'

# 5. Send 25 USDC: 201. A second click is refused: 409, already_sent, with the transfer of the first
call $wallet/transfers -H "$auth" -H 'Idempotency-Key: order-02' -d '{"to":"Grace Hopper","amount":"25"}'
call $wallet/transfers -H "$auth" -H 'Idempotency-Key: order-02' -d '{"to":"Grace Hopper","amount":"25"}'

# 6. 250 USDC need an approval of their own, however fresh the MFA session: 403, action approve_request
call $wallet/transfers -H "$auth" -H 'Idempotency-Key: order-03' -d '{"to":"Grace Hopper","amount":"250"}'
id=$(challenge)

# 7. A wrong code spends its challenge (422, mfa_invalid_code), so the right one comes too late (410)
pass 30
call $wallet/approvals/$id/totp -H "$auth" -d '{"code":"000000"}'
call $wallet/approvals/$id/totp -H "$auth" -d '{"code":"'$(code)'"}'

# 8. Ask again, and approve that: 200, with the digest of the request
call $wallet/transfers -H "$auth" -H 'Idempotency-Key: order-03' -d '{"to":"Grace Hopper","amount":"250"}'
id=$(challenge)
call $wallet/approvals/$id/totp -H "$auth" -d '{"code":"'$(code)'"}'

# 9. The approval does not open another amount (403), opens its own request (201), and that once (403)
approved="X-Mfa-Challenge-Id: $id"
call $wallet/transfers -H "$auth" -H "$approved" -H 'Idempotency-Key: order-04' -d '{"to":"Grace Hopper","amount":"251"}'
call $wallet/transfers -H "$auth" -H "$approved" -H 'Idempotency-Key: order-03' -d '{"to":"Grace Hopper","amount":"250"}'
call $wallet/transfers -H "$auth" -H "$approved" -H 'Idempotency-Key: order-05' -d '{"to":"Grace Hopper","amount":"250"}'
id=$(challenge)

# 10. Another tab has an access token of its own: MFA is not verified there (403, mfa_required), and it cannot approve for the first (410)
tab="Authorization: Bearer $(token -X POST $wallet/cdp/auth/refresh)"
call $wallet/transfers -H "$tab" -H 'Idempotency-Key: order-06' -d '{"to":"Grace Hopper","amount":"5"}'
pass 30
call $wallet/approvals/$id/totp -H "$tab" -d '{"code":"'$(code)'"}'

# 11. Sign out in that tab (204), and its token is refused (401, session_revoked)
call -X POST $wallet/sign-out -H "$tab"
call $wallet/me -H "$tab"

# 12. 16 minutes later the access token has expired, and the answer names the remedy (401, refresh_token)
pass 960
call $wallet/me -H "$auth"

# 13. Refresh. The first request with the new token brings the old one: MFA is carried over, its end unmoved
previous="Previous-Access-Token: \${auth#*Bearer }"
auth="Authorization: Bearer $(token -X POST $wallet/cdp/auth/refresh)"
call $wallet/me -H "$auth" -H "$previous"

# 14. A signature is content with MFA of the last 30 minutes (201), money wants 5 (403, mfa_expired), so verify again
call $wallet/signatures -H "$auth" -d '{"message":"This address is mine."}'
call $wallet/transfers -H "$auth" -H 'Idempotency-Key: order-07' -d '{"to":"Grace Hopper","amount":"10"}'
call $wallet/mfa/totp -H "$auth" -d '{"code":"'$(code)'"}'
call $wallet/transfers -H "$auth" -H 'Idempotency-Key: order-07' -d '{"to":"Grace Hopper","amount":"10"}'

# 15. Six days later every answer warns (Session-Ends-In). After 7 days no refresh helps: sign in again
pass 518400
auth="Authorization: Bearer $(token -X POST $wallet/cdp/auth/refresh)"
call $wallet/me -H "$auth"
pass 86400
call -X POST -b $jar $wallet/cdp/auth/refresh

# 16. Custom authentication: MFA belongs to the user. Ask on one device, approve on another, send: 201
auth="Authorization: Bearer $(sign_in custom)"
phone="Authorization: Bearer $(sign_in custom)"
call -X POST $wallet/factors/totp -H "$phone"
call $wallet/factors/totp/confirm -H "$phone" -d '{"code":"'$(code)'"}'
call $wallet/transfers -H "$auth" -H 'Idempotency-Key: order-08' -d '{"to":"Grace Hopper","amount":"250"}'
id=$(challenge)
call $wallet/approvals -H "$phone"
pass 30
call $wallet/approvals/$id/totp -H "$phone" -d '{"code":"'$(code)'"}'
call $wallet/transfers -H "$auth" -H "X-Mfa-Challenge-Id: $id" -H 'Idempotency-Key: order-08' -d '{"to":"Grace Hopper","amount":"250"}'

# 17. Sign out everywhere (204): each token of this user is refused (401, session_revoked)
call -X POST $wallet/sign-out-everywhere -H "$auth"
call $wallet/me -H "$phone"

# 18. The audit trail: each line holds the hash of the one before it
tail -n 3 '${auditFile}'

# The example wallet is on ${wallet} - open it in a browser
`;
}
