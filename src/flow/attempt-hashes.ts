/** Sees the bodies that an attempt sends and gets. */
export interface ByteTap {
  sent(body: string | readonly Uint8Array[] | undefined): void
  received(bytes: string | Uint8Array): void
}

/** The SHA-256 of some bytes, and how many they are. */
export interface HashedBytes {
  readonly sha256: string
  readonly bytes: number
}

/** What an upstream was asked and what it answered, as hashes. */
export interface HashNote {
  readonly asked: HashedBytes
  /** Of what had come when the answer ended. */
  readonly answered: HashedBytes
}

/**
 * Hashes what an attempt sends and gets: the bodies of its requests, one after the other, and those of the replies, without their
 * framing. Most attempts have one of each.
 */
export class AttemptHashes implements ByteTap {
  readonly #asked = new RunningHash()
  readonly #answered = new RunningHash()

  sent(body: string | readonly Uint8Array[] | undefined): void {
    if (body === undefined) return
    if (typeof body === 'string') this.#asked.add(body)
    else for (const piece of body) this.#asked.add(piece)
  }

  received(bytes: string | Uint8Array): void {
    this.#answered.add(bytes)
  }

  /** The hashes so far; undefined if nothing was sent, because no other server was asked. */
  note(): HashNote | undefined {
    const asked = this.#asked.read()
    return asked.bytes === 0 ? undefined : { asked, answered: this.#answered.read() }
  }
}

class RunningHash {
  readonly #hash = new Bun.CryptoHasher('sha256')
  #bytes = 0

  add(bytes: string | Uint8Array): void {
    this.#hash.update(bytes)
    this.#bytes += typeof bytes === 'string' ? Buffer.byteLength(bytes) : bytes.byteLength
  }

  read(): HashedBytes {
    return { sha256: this.#hash.copy().digest('hex'), bytes: this.#bytes }
  }
}
