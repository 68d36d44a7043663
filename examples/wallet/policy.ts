/**
 * The demands of the wallet's operations.
 */

/** How long one verification of MFA serves at most; signing a message is content with that. */
export const MFA_WINDOW_SECONDS = 1800;

/** Sending money, and changing the factors, want a later one. */
export const SENDING_MFA_SECONDS = 300;

/** How long the user has to approve a transfer. */
export const CHALLENGE_SECONDS = 300;
