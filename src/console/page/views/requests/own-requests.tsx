import { texts } from '../../i18n/index.ts'
import { View } from '../../kit/view.tsx'
import { isRecorded } from '../../session/me.ts'
import { FindById } from './request-filters.tsx'

/** A named key sees no list: it finds its own requests by their ids, and whether their texts are recorded. */
export function OwnRequests() {
  const { requests, usage } = texts.value
  return (
    <View title={texts.value.views.requests}>
      <p class="quiet-text">{requests.ownAbout}</p>
      {isRecorded() && <p class="notice warning">{usage.recorded}</p>}
      <div class="filters">
        <FindById />
      </div>
    </View>
  )
}
