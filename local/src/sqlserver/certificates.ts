/** The certificate of the local SQL Server, and the authority that has signed it. */
import { constants, KeyObject } from "node:crypto"
import { createSecureContext, type SecureContext } from "node:tls"
import { certify, makeKeys } from "../sandboxes/mparticle/issuing.ts"

/** What the server needs, and what its clients are to trust. */
export interface Certificates {
  readonly context: SecureContext
  readonly caPem: string
}

const hour = 3_600_000
const year = 365 * 24 * hour

/** Makes both, for this machine's own names. */
export const makeCertificates = async (now = Date.now()): Promise<Certificates> => {
  const [authority, server] = await Promise.all([makeKeys(), makeKeys("p256")])
  const validity = { from: new Date(now - hour), to: new Date(now + year) }
  const issuer = { name: "CN=SQL Server of the local platform CA", keys: authority }
  const [caPem, pem] = await Promise.all([
    certify({
      subject: issuer.name,
      publicKey: authority.publicKey,
      usage: "certificates",
      authority: true,
      validity,
      issuer
    }),
    certify({
      subject: "CN=localhost",
      publicKey: server.publicKey,
      usage: "messages",
      authority: false,
      names: ["localhost"],
      addresses: ["127.0.0.1"],
      validity,
      issuer
    })
  ])
  return {
    caPem,
    context: createSecureContext({
      cert: pem,
      key: KeyObject.from(server.privateKey).export({ type: "pkcs8", format: "pem" }),
      // TDS 7.4 knows no later one: its handshake goes to and fro in packets, one for one.
      minVersion: "TLSv1.2",
      maxVersion: "TLSv1.2",
      // A session that is taken up again would end its handshake with the other side's word.
      secureOptions: constants.SSL_OP_NO_TICKET
    })
  }
}
