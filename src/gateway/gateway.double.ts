import { type Gateway, type GatewayOptions, openGateway } from './gateway.ts'
import { openLasting } from './lasting.ts'

interface LoneOptions extends Omit<GatewayOptions, 'lasting'> {
  /** Limit for the calls that run at the same time; no call waits. */
  readonly maxCalls: number
}

/** Opens a gateway that shares nothing with another one. */
export function openLoneGateway({ maxCalls, ...options }: LoneOptions): Gateway {
  const lasting = openLasting({ maxCalls, maxWaiting: 0, ...options })
  return openGateway({ ...options, lasting })
}
