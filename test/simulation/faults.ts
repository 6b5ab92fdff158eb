import type { Fault } from '../mutations/mutation.ts'

/** Faults that the simulation must find. Each was made somewhere before, or is near. */
export const faults: readonly Fault[] = [
  {
    name: 'a lost abort',
    file: 'src/wire/http-exchange.ts',
    find: 'signal.add(this)',
    replace: 'signal.add({ abort: () => undefined })',
  },
  {
    name: 'a cut that looks finished',
    file: 'src/dialects/openai-chat/decode-reply.ts',
    find: "if (how === 'cut' && !this.finished) throw brokenAnswer()",
    replace: '',
  },
  {
    name: '[DONE] after an error',
    file: 'src/dialects/openai-chat/encode-stream.ts',
    find: 'return sseData(JSON.stringify(encodeError(error)))',
    replace: "return sseData(JSON.stringify(encodeError(error))) + sseData('[DONE]')",
  },
  {
    name: 'a kept permit of the gateway',
    file: 'src/gateway/layers/admit.ts',
    find: 'if (this.#hasEntered) this.#capacity.leave()',
    replace: '',
  },
  {
    name: 'a kept permit of an upstream',
    file: 'src/gateway/layers/limit.ts',
    find: 'if (this.#isTaken) this.#permits.release()',
    replace: '',
  },
  {
    name: 'a kept place of a client key',
    file: 'src/gateway/layers/caller-limits.ts',
    find: '    this.onEnd = end',
    replace: '    this.onEnd = () => void end',
  },
  {
    name: 'a place in the queue of a client that has left',
    file: 'src/flow/fair-permits.ts',
    find: `      const stopListening = signal.onAbort(() => {
        leave()`,
    replace: `      const stopListening = signal.onAbort(() => {
        stopListening()`,
  },
  {
    name: 'a permit too many',
    file: 'src/flow/fair-permits.ts',
    find: 'if (this.#taken < max && this.#waiting.size === 0) {',
    replace: 'if (this.#taken <= max && this.#waiting.size === 0) {',
  },
  {
    name: 'a doubled retry after the first event',
    file: 'src/flow/try-first.ts',
    find: `    return this.#isClosed ? undefined : this.#found
  }

  next(): NextBatch<Event> | Promise<NextBatch<Event>> {
    if (this.#found) return this.#found.next()`,
    replace: `    return undefined
  }

  next(): NextBatch<Event> | Promise<NextBatch<Event>> {
    if (this.#found) {
      const next = this.#found.next()
      const again = () => (this.#found = this.#first.open()).next()
      return next instanceof Promise ? next.catch(again) : next
    }`,
  },
  {
    name: 'a retry of what was answered',
    file: 'src/gateway/layers/retry.ts',
    find: '        return await begin(this.#ask())',
    replace: '        await begin(this.#ask())\n        return await begin(this.#ask())',
  },
  {
    name: 'a hedge that is not cancelled',
    file: 'src/gateway/combine/hedge.ts',
    find: 'if (flow !== kept) flow.close()',
    replace: 'if (flow !== kept) void flow',
  },
  {
    name: 'an ejection without an end',
    file: 'src/gateway/health/breaker.ts',
    find: "return ejection.isProbing || now < ejection.probeFrom ? 'open' : 'good'",
    replace: "return 'open'",
  },
  {
    name: 'a probe that is never given back',
    file: 'src/gateway/health/breaker.ts',
    find: `      release: () => {
        ejection.isProbing = false`,
    replace: `      release: () => {
        ejection.isProbing = true`,
  },
  {
    name: 'no end to the silence within an answer',
    file: 'src/gateway/layers/deadline.ts',
    find: 'this.#hasBegun ? this.#limits.idleMs : this.#limits.beginMs',
    replace: 'this.#hasBegun ? 1e8 : this.#limits.beginMs',
  },
  {
    name: 'no end to the silence before an answer',
    file: 'src/gateway/layers/deadline.ts',
    find: 'this.#hasBegun ? this.#limits.idleMs : this.#limits.beginMs',
    replace: 'this.#hasBegun ? this.#limits.idleMs : 1e8',
  },
  {
    name: 'a connection that stays open',
    file: 'src/wire/http-exchange.ts',
    find: 'if (keepAs === undefined || !this.#head?.keepsAlive) this.#socket.destroy()',
    replace: 'if (keepAs === undefined || !this.#head?.keepsAlive) this.#socket.pause()',
  },
  {
    name: 'idle connections that nobody closes',
    file: 'src/wire/idle-sockets.ts',
    find: 'if (!kept.includes(idle)) idle.socket.destroy()',
    replace: 'if (!kept.includes(idle)) idle.socket.pause()',
  },
  {
    name: 'a connection that is used by two',
    file: 'src/wire/idle-sockets.ts',
    find: `        last.socket.keepProcess(true)
        return last.socket`,
    replace: `        last.socket.keepProcess(true)
        list?.push(last)
        return last.socket`,
  },
  {
    name: 'bytes that a split line loses',
    file: 'src/wire/http-parser.ts',
    find: "this.#line += bytes.toString('latin1', at, feed === -1 ? end : feed)",
    replace: "this.#line = bytes.toString('latin1', at, feed === -1 ? end : feed)",
  },
  {
    name: 'a line of an event that a split loses',
    file: 'src/wire/sse.ts',
    find: `      this.#line.push(tail)
      line = this.#line.join('')`,
    replace: "      line = this.#line.join('')",
  },
  {
    name: 'a seam that is off by one',
    file: 'src/gateway/continuation/find-seam.ts',
    find: 'const seam = this.#seamAt(found + anchor.proof.length, anchor.normal.length)',
    replace: 'const seam = this.#seamAt(found + anchor.proof.length - 1, anchor.normal.length - 1)',
  },
  {
    name: 'a lease of a renewal that is kept',
    file: 'src/accounts/renew-once.ts',
    find: 'await lease?.release().catch(() => undefined)',
    replace: '',
  },
  {
    name: 'a renewed credential that is not stored',
    file: 'src/accounts/renew-once.ts',
    find: 'const written = await credentials.write(step, lease)',
    replace: 'const written = { ...step }',
  },
  {
    name: 'a renewal that another process has made is made again',
    file: 'src/accounts/renew-once.ts',
    find: 'if (isNewer && (found.dead || !found.isRenewalOpen)) return found',
    replace: 'if (isNewer && found.dead) return found',
  },
  {
    name: 'a lease of a session that is kept',
    file: 'src/conversations/writers.ts',
    find: '      await lease.release()',
    replace: '      await Promise.resolve()',
  },
  {
    name: 'a lease that two have',
    file: 'src/state/memory/memory-leases.ts',
    find: 'if (current && !current.isReleased && current.expiresAt > this.#now()) return undefined',
    replace: '',
  },
  {
    name: 'a turn that is doubled when it is sent again',
    file: 'src/conversations/conversations.ts',
    find: 'const again = turns.find(({ id }) => id === requestId)',
    replace: 'const again = turns.find(() => false)',
  },
  {
    name: 'an event that a reader who comes back gets twice',
    file: 'src/conversations/read-recording.ts',
    find: '{ after, signal }: { readonly after: number; readonly signal: Cancel },\n): AsyncGenerator',
    replace:
      '{ after: last, signal }: { readonly after: number; readonly signal: Cancel },\n  after = Math.max(-1, last - 1),\n): AsyncGenerator',
  },
  {
    name: 'a recording without its last events',
    file: 'src/conversations/recording.ts',
    find: `    if (this.#hasEnded) return
    this.#write()`,
    replace: '    if (this.#hasEnded) return',
  },
  {
    name: 'an answer that goes on without a reader for ever',
    file: 'src/api/exchange/respond.ts',
    find: `      flow.close()
      answer.close()`,
    replace: '      flow.close()',
  },
  {
    name: 'a stop that waits for nobody',
    file: 'src/api/server.ts',
    find: 'listener.pendingRequests + calls.detached',
    replace: '0 * calls.detached',
  },
  {
    name: 'a client that has left is not noticed while it waits',
    file: 'src/api/exchange/calls.ts',
    find: 'new NativeCancel(runtime, request.signal, clientLeft)',
    replace: 'new NativeCancel(runtime, new AbortController().signal, clientLeft)',
  },
  {
    name: 'an upstream that works on for a stream that was left',
    file: 'src/api/exchange/stream-body.ts',
    find: `    this.#options.abort(clientLeft())
    this.#flow.close()`,
    replace: '    void clientLeft',
  },
  {
    name: 'an account that rests for ever',
    file: 'src/accounts/rest.ts',
    find: 'const until = now + (statedMs ?? restMs(kind, failures, now))',
    replace: 'const until = now + 1e9 + (statedMs ?? restMs(kind, failures, now))',
  },
  {
    name: 'an answer that is counted twice',
    file: 'src/usage/ledger.ts',
    find: 'totals.add(tokensOf(answer))',
    replace: 'totals.add(tokensOf(answer))\n    totals.add(tokensOf(answer))',
  },
  {
    name: 'an answer that is not counted',
    file: 'src/usage/ledger.ts',
    find: 'totals.add(tokensOf(answer))',
    replace: "if (answer.upstream !== 'bert') totals.add(tokensOf(answer))",
  },
]
