import type { Config } from '../config/config.ts'
import type { LiveConfig } from '../config/live-config.ts'
import type { Gateway } from '../gateway/gateway.ts'
import { Credentials, type CredentialsOptions } from './credentials.ts'
import { KeptVariables } from './kept-variables.ts'

interface OpenOptions extends Pick<CredentialsOptions, 'store' | 'log' | 'runtime'> {
  readonly configuration: LiveConfig
  gateway(): Gateway
}

/** Opens what changes the credentials of the state, and what applies the changes of other processes. */
export function openCredentials(started: Config, { configuration, gateway, ...shared }: OpenOptions) {
  const kept = new KeptVariables({
    ...shared,
    isShared: started.state.isShared,
    initial: configuration.kept,
    onChange: (values) => configuration.keep(values),
  })
  return {
    admin: new Credentials({ ...shared, started, configuration, kept, examiner: () => gateway().examiner }),
    /** Resolves when the credentials of the state were read, or cannot be. */
    ready: kept.follow(),
    close: () => kept.close(),
  }
}
