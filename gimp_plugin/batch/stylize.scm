; Neural Style without a window, in Script-Fu: load a picture, paint it in the style of another, save the result.
;
;   gimp-console -idf --quit --batch-interpreter=plug-in-script-fu-eval -b '(begin
;       (load "gimp_plugin/batch/stylize.scm") (stylize-file "photo.jpg" "painting.jpg" "result.png"))'
;
; GIMP's exit code is 0 when the file is written, and 70 after a line that says what went wrong.

(script-fu-use-v3)

(define (stylize-file content style output)
  (let* ((image (gimp-file-load RUN-NONINTERACTIVE content))
         (layer (vector-ref (gimp-image-get-layers image) 0)))
    (plug-in-neural-style #:run-mode RUN-NONINTERACTIVE #:image image #:drawables (vector layer)
                          #:style-file style #:size 512 #:quality "normal")
    (gimp-file-save RUN-NONINTERACTIVE image output -1)
    (gimp-image-delete image)))
