/** The certificate of the simulated mParticle: where discovery says it is, what is served there, and what signs with it. */
import { once } from "./once.ts"
import type { Answer } from "../serveHttp.ts"
import { SandboxRefusal } from "../SandboxRefusal.ts"
import { emptyAnswer } from "./answers.ts"
import { makeAuthority, variants } from "./certificates.ts"
import type { Authority, AuthorityOptions, CertificateBundle, Variant } from "./certificates.ts"
import { isFields } from "./check.ts"

const path = "/dsr/opendsr_cert.pem"

/** Where nobody may look: it is served in good order, but as if by another host. */
const foreignPath = "/dsr/elsewhere.pem"

/** The same server under another name, so that a verifier that goes there is found out by what it accepts. */
const foreignUrl = (origin: string): string => {
  const url = new URL(`${origin}${foreignPath}`)
  url.hostname = "localhost"
  return url.href
}

/** Makes what it needs when it is first asked for. */
export class ServedCertificate {
  private readonly authority: () => Promise<Authority>
  private current: Variant = "normal"

  constructor(options: () => AuthorityOptions) {
    this.authority = once(() => makeAuthority(options()))
  }

  /** The certificate to trust. */
  async rootPem(): Promise<string> {
    return (await this.authority()).rootPem
  }

  /** The file that is served now, and its key. */
  async bundle(): Promise<CertificateBundle> {
    return (await this.authority()).variant(this.current)
  }

  /** Serves, and signs with, another one: `POST /_sandbox/mparticle/certificate`. */
  async choose(input: unknown): Promise<{ readonly variant: Variant }> {
    const wanted = isFields(input) ? input["variant"] : undefined
    const variant = variants.find((one) => one === wanted)
    if (variant === undefined) throw new SandboxRefusal(400, `variant must be one of ${variants.join(", ")}`)
    this.current = variant
    await this.bundle()
    return { variant }
  }

  /** Where discovery says that it is. */
  url(origin: string): string {
    return this.current === "otherHost" ? foreignUrl(origin) : `${origin}${path}`
  }

  /** The answer to a GET, or undefined when the path is not one of the certificate's. */
  async answer(asked: string, origin: string): Promise<Answer | undefined> {
    if (asked !== path && asked !== foreignPath) return undefined
    if (asked === path && this.current === "httpRedirect")
      return { ...emptyAnswer(302), headers: { location: foreignUrl(origin) } }
    const { pem } = await this.bundle()
    return { status: 200, headers: { "content-type": "application/x-pem-file" }, body: Buffer.from(pem) }
  }
}
