import { texts } from '../../i18n/index.ts'
import { View } from '../../kit/view.tsx'

export function UpstreamsView() {
  return <View title={texts.value.views.upstreams}>{null}</View>
}
