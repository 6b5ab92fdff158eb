import { demo } from '../providers/demo/index.ts'
import type { Upstream } from '../providers/provider.ts'
import type { Listening } from './read-listening.ts'

interface RelevantSettings extends Pick<Listening, 'policy' | 'keys'> {
  readonly upstreams: readonly Upstream[]
}

const minKeyLength = 16

/** What is true of a configuration, and may be a mistake. */
export function settingFactsOf({ upstreams, policy, keys }: RelevantSettings) {
  return {
    /** Whether only the built-in demo answers. */
    hasNoUpstream: upstreams.includes(demo),
    /** Whether everybody who reaches the address may use the upstreams, unless the state has keys. */
    isOpenToEveryone: policy.isPublic && !policy.hasKeys,
    /** Whether a key is so short that it can be guessed. */
    hasWeakKey: keys.some((key) => key.reveal().length < minKeyLength),
  }
}
