import { duration } from '../../i18n/format.ts'
import { texts } from '../../i18n/index.ts'
import { Icon } from '../../kit/icon.tsx'
import { Untrusted } from '../../kit/untrusted.tsx'
import { Words } from '../../kit/words.tsx'
import type { TestedAccount } from './types.ts'

/** What each account answered to a short question. */
export function TestResult({ accounts }: { readonly accounts: readonly TestedAccount[] }) {
  return (
    <ul class="tested">
      {accounts.map((tested) => (
        <li key={tested.account} class={tested.works ? 'good' : 'bad'}>
          <Icon name={tested.works ? 'ok' : 'warning'} />
          <div>
            <bdi class="label">{tested.account}</bdi> <TestedWords tested={tested} />
          </div>
        </li>
      ))}
    </ul>
  )
}

function TestedWords({ tested: { works, model, took_ms, error } }: { readonly tested: TestedAccount }) {
  const { testWorks, testFails } = texts.value.upstreams
  if (works) return <Words text={testWorks(model, duration(took_ms))} />
  return (
    <>
      {testFails}
      {error && (
        <>
          {': '}
          <Untrusted text={error.message} />
        </>
      )}
    </>
  )
}
