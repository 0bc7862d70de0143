{{/*
The memory limit: by the same sum as `flowsensor memory` (an upper bound of a live run's resident memory), from the options
that the sensor will read, plus budget.headroomPercent. tests/chart compares the two. The request is what of it is
taken at the start, before there is any traffic.
*/}}

{{/* JSON list of {what, bytes, start}: (dict "context" $). */}}
{{- define "flowsensor.budget" -}}
{{- $mib := 1048576 -}}
{{- $options := include "flowsensor.options" (dict "context" .context "purpose" "run") | fromJson -}}
{{- $meters := $options.meter.n_meters | int64 -}}
{{- if lt $meters 1 -}}
{{- fail "\n\nextraConfig.meter.n_meters 0 takes the node's processors, for which no memory limit can be computed: set meter.meters\n" -}}
{{- end -}}
{{- $flows := $options.meter.flow_table_size | int64 -}}
{{- $undecided := $options.meter.dissection_flows | default 0 | int64 | default (div $flows 8) -}}
{{- $ring := include "flowsensor.bytes" $options.capture.socket_buffer_size | int64 | default (mul 2 $mib) -}}
{{- $outputs := len $options.outputs -}}
{{- $items := list
    (dict "what" "program and libraries" "bytes" (mul 20 $mib) "start" (mul 20 $mib))
    (dict "what" (printf "%d meters x nDPI module, thread, recorders of %d outputs" $meters $outputs)
          "bytes" (mul $meters (add (mul 10 $mib) (mul $outputs 2 $mib) (ternary (mul 8 $mib) 0 (gt $meters 1))))
          "start" (mul $meters 10 $mib))
    (dict "what" (printf "%d meters x capture.socketBufferSize %s" $meters $options.capture.socket_buffer_size)
          "bytes" (mul $meters $ring) "start" (mul $meters $ring))
    (dict "what" (printf "meter.flowTableSize %d x 864" $flows) "bytes" (mul $flows 864) "start" (mul $flows 816))
    (dict "what" (printf "meter.dissectionFlows %d x 2784" $undecided) "bytes" (mul $undecided 2784) "start" (mul $undecided 720)) -}}
{{- with $options.meter.splt_analysis -}}
{{- if gt (int64 .) 20 -}}
{{- $bytes := mul $flows 7 (sub (int64 .) 20) -}}
{{- $items = append $items (dict "what" (printf "meter.flowTableSize %d x 7 x (meter.spltAnalysis %d - 20)" $flows (int64 .)) "bytes" $bytes "start" $bytes) -}}
{{- end -}}
{{- end -}}
{{- $more := 0 -}}
{{- range $options.outputs }}{{ $more = max $more (include "flowsensor.schemaBytes" .schema | int64) }}{{ end -}}
{{- if $more -}}
{{- $items = append $items (dict "what" (printf "meter.flowTableSize %d x %d for features that flow/v2 doesn't have" $flows $more) "bytes" (mul $flows $more) "start" (mul $flows $more)) -}}
{{- end -}}
{{- if or $options.meter.early_after $options.meter.update_interval -}}
{{- $items = append $items (dict "what" (printf "meter.flowTableSize %d x 72 for early and update records by time" $flows) "bytes" (mul $flows 72) "start" (mul $flows 72)) -}}
{{- end -}}
{{- range $options.outputs -}}
{{- if .topic -}}
{{- $bytes := include "flowsensor.windowBytes" (dict "kafka" .kafka "spool" ($options.spool | default dict)) | int64 -}}
{{- $items = append $items (dict "what" (printf "Kafka client and records of the output %s" (.name | default .topic)) "bytes" (add (mul 12 $mib) $bytes) "start" (mul 12 $mib)) -}}
{{- else -}}
{{- $items = append $items (dict "what" "an output to a file" "bytes" (mul 2 $mib) "start" 0) -}}
{{- end -}}
{{- end -}}
{{- $items = append $items (dict "what" "records of outputs that SIGHUP changes" "bytes" (mul 16 $mib) "start" 0) -}}
{{- if $options.meter.system_visibility_mode -}}
{{- $items = append $items (dict "what" "system visibility" "bytes" (add (mul 16 $mib) (mul $flows 48)) "start" (mul $flows 48)) -}}
{{- end -}}
{{- toJson $items -}}
{{- end -}}

{{/*
Bytes that a flow has for a schema, beyond what flow/v2 asks for; of a schema that isn't the release's it can't be known, and is taken to be everything.
*/}}
{{- define "flowsensor.schemaBytes" -}}
{{- $bytes := dict "flow/v3" 232 "flow_full/v1" 1628 -}}
{{- ternary 1628 (get $bytes (. | default "") | default 0) (hasPrefix "/" (. | default "")) -}}
{{- end -}}

{{/*
Bytes of an output's records in memory: (dict "kafka" PROPERTIES "spool" OPTIONS). Records under way are there twice, with 1024 bytes of
librdkafka's and 104 of the output's for each; and the spool has buffers, or, without a folder, all of itself.
*/}}
{{- define "flowsensor.windowBytes" -}}
{{- $properties := dict -}}
{{- range .kafka }}{{ $_ := set $properties (splitn "=" 2 .)._0 (splitn "=" 2 .)._1 }}{{ end -}}
{{- $kbytes := get $properties "queue.buffering.max.kbytes" | default "16384" | int64 -}}
{{- $messages := get $properties "queue.buffering.max.messages" | default (div (mul $kbytes 16) 10 | toString) | int64 -}}
{{- $spool := add (mul $kbytes 1024) 1048576 -}}
{{- if not .spool.directory }}{{ $spool = include "flowsensor.bytes" (.spool.memory_size | default "48MiB") }}{{ end -}}
{{- add (mul $kbytes 2 1024) (mul $messages 1128) $spool -}}
{{- end -}}

{{/* MiB that the limit must be at least. */}}
{{- define "flowsensor.memoryLimit" -}}
{{- $bytes := 0 -}}
{{- range include "flowsensor.budget" . | fromJsonArray }}{{ $bytes = add $bytes (int64 .bytes) }}{{ end -}}
{{- $bytes = div (mul $bytes (add 100 (int64 .context.Values.budget.headroomPercent))) 100 -}}
{{- div (add $bytes 1048575) 1048576 -}}
{{- end -}}

{{/* MiB that are taken at the start. */}}
{{- define "flowsensor.memoryRequest" -}}
{{- $bytes := 0 -}}
{{- range include "flowsensor.budget" . | fromJsonArray }}{{ $bytes = add $bytes (int64 .start) }}{{ end -}}
{{- div (add $bytes 1048575) 1048576 -}}
{{- end -}}

{{- define "flowsensor.memoryError" -}}
resources.limits.memory {{ include "flowsensor.scalar" .Values.resources.limits.memory }} is less than what this configuration may need:
{{ range include "flowsensor.budget" (dict "context" .) | fromJsonArray }}
  {{ printf "%6d MiB  %s" (div (add (int64 .bytes) 524288) 1048576) .what }}
{{- end }}
  + {{ .Values.budget.headroomPercent }} % (budget.headroomPercent) = {{ include "flowsensor.memoryLimit" (dict "context" .) }} MiB

Raise or remove the limit, or lower meter.flowTableSize, meter.dissectionFlows, capture.socketBufferSize, meter.meters or kafka.config's queue.buffering.max.kbytes.
{{- end -}}

{{- define "flowsensor.resources" -}}
{{- $given := .Values.resources -}}
{{- $needed := include "flowsensor.memoryLimit" (dict "context" .) | int64 -}}
{{- $limit := include "flowsensor.scalar" $given.limits.memory | default (printf "%dMi" $needed) -}}
{{- $request := include "flowsensor.scalar" $given.requests.memory | default (printf "%sMi" (include "flowsensor.memoryRequest" (dict "context" .))) -}}
{{- if lt (include "flowsensor.quantity" $limit | int64) (mul $needed 1048576) -}}
{{- fail (printf "\n\n%s\n" (include "flowsensor.memoryError" .)) -}}
{{- end -}}
{{- if gt (include "flowsensor.quantity" $request | int64) (include "flowsensor.quantity" $limit | int64) -}}
{{- fail (printf "\n\nresources.requests.memory %s is more than the limit %s: lower it, or set resources.limits.memory\n" $request $limit) -}}
{{- end -}}
{{- $disk := include "flowsensor.ephemeral" (dict "context" .) | fromJson -}}
requests:
  cpu: {{ include "flowsensor.scalar" $given.requests.cpu }}
  memory: {{ $request }}
  {{- with $disk.request }}
  ephemeral-storage: {{ . }}
  {{- end }}
limits:
  {{- with $given.limits.cpu }}
  cpu: {{ include "flowsensor.scalar" . }}
  {{- end }}
  memory: {{ $limit }}
  {{- with $disk.limit }}
  ephemeral-storage: {{ . }}
  {{- end }}
{{- end -}}
