/**
 * The curl lines that walk through the whole API, for bash. They work as pasted, in this order.
 */

/** @param wallet the origin that the example listens on */
export function walkthrough(wallet: string): string {
  return `
# The example wallet is on ${wallet} - open it in a browser, or paste this into bash:

# One wallet, one cookie jar for the refresh token, and a way to read a field of an answer
wallet=${wallet}; jar=$(mktemp); json='Content-Type: application/json'
field() { node -pe "JSON.parse(fs.readFileSync(0, 'utf8')).$1"; }
token() { curl -sS -b $jar -c $jar "$@" | field accessToken; }

# 1. Sign in with a one-time code, which the example hands over instead of sending it by e-mail
code=$(curl -sS $wallet/auth/code -H "$json" -d '{"email":"ada@example.com"}' | field code)
auth="Authorization: Bearer $(token $wallet/auth/sign-in -H "$json" -d '{"email":"ada@example.com","code":"'$code'"}')"

# 2. Who am I, and what do I have?
curl -sSi -w '\\n\\n' $wallet/me -H "$auth"
curl -sSi -w '\\n\\n' $wallet/transfers -H "$auth"

# 3. Send money: 403, because it needs MFA, and no authenticator app is set up (mfa_not_enrolled)
curl -sSi -w '\\n\\n' $wallet/transfers -H "$auth" -H "$json" -d '{"to":"Grace","amount":"25.00"}'

# 4. Set one up. A real user scans a QR code; /demo/phone stands for the phone that did
curl -sSi -w '\\n\\n' -X POST $wallet/mfa/totp -H "$auth"
code=$(curl -sS $wallet/demo/phone -H "$auth" | field code)
curl -sSi -w '\\n\\n' $wallet/mfa/totp/confirm -H "$auth" -H "$json" -d '{"code":"'$code'"}'

# 5. Send money: 201
curl -sSi -w '\\n\\n' $wallet/transfers -H "$auth" -H "$json" -d '{"to":"Grace","amount":"25.00"}'

# 6. Let 16 minutes pass: the access token has expired, and the answer says what to do (401, refresh_token)
curl -sS -o /dev/null $wallet/demo/clock -H "$auth" -H "$json" -d '{"seconds":960}'
curl -sSi -w '\\n\\n' $wallet/me -H "$auth"

# 7. Refresh. The first request with the new token brings the old one: MFA is carried over, its end unmoved
previous="Previous-Access-Token: \${auth#*Bearer }"
auth="Authorization: Bearer $(token -X POST $wallet/auth/refresh)"
curl -sSi -w '\\n\\n' $wallet/me -H "$auth" -H "$previous"

# 8. Signing a message is content with MFA of the last 30 minutes (201), money wants 5 (403, mfa_expired)
curl -sSi -w '\\n\\n' $wallet/signatures -H "$auth" -H "$json" -d '{"message":"This address is mine."}'
curl -sSi -w '\\n\\n' $wallet/transfers -H "$auth" -H "$json" -d '{"to":"Grace","amount":"10.00"}'

# 9. Verify a new code, and send money: 201
code=$(curl -sS $wallet/demo/phone -H "$auth" | field code)
curl -sSi -w '\\n\\n' $wallet/mfa/totp/verify -H "$auth" -H "$json" -d '{"code":"'$code'"}'
curl -sSi -w '\\n\\n' $wallet/transfers -H "$auth" -H "$json" -d '{"to":"Grace","amount":"10.00"}'

# 10. Another tab has an access token of its own, so MFA is not verified there (403, mfa_required)
tab="Authorization: Bearer $(token -X POST $wallet/auth/refresh)"
curl -sSi -w '\\n\\n' $wallet/transfers -H "$tab" -H "$json" -d '{"to":"Grace","amount":"5.00"}'

# 11. Sign out in that tab (204), and its token is refused (401, session_revoked)
curl -sSi -w '\\n\\n' -X POST $wallet/sign-out -H "$tab"
curl -sSi -w '\\n\\n' $wallet/me -H "$tab"

# 12. Six days later a refresh still does, and from now on every answer warns (Session-Ends-In)
curl -sS -o /dev/null $wallet/demo/clock -H "$auth" -H "$json" -d '{"seconds":518400}'
auth="Authorization: Bearer $(token -X POST $wallet/auth/refresh)"
curl -sSi -w '\\n\\n' $wallet/me -H "$auth"

# 13. After 7 days no refresh helps (401, refresh_token_expired): sign in again
curl -sS -o /dev/null $wallet/demo/clock -H "$auth" -H "$json" -d '{"seconds":86400}'
curl -sSi -w '\\n\\n' -X POST -b $jar $wallet/auth/refresh
code=$(curl -sS $wallet/auth/code -H "$json" -d '{"email":"ada@example.com"}' | field code)
auth="Authorization: Bearer $(token $wallet/auth/sign-in -H "$json" -d '{"email":"ada@example.com","code":"'$code'"}')"

# 14. Sign out everywhere (204): whatever token of this user there is, it is refused (401, session_revoked)
curl -sSi -w '\\n\\n' -X POST $wallet/sign-out-everywhere -H "$auth"
curl -sSi -w '\\n\\n' $wallet/me -H "$auth"
`;
}
