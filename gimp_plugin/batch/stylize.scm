; Stylize picture files from the command line, with GIMP's Script-Fu. One file:
;
; gimp-console -idf --quit --batch-interpreter=plug-in-script-fu-eval \
;     -b '(begin (load "stylize.scm") (stylize-file "photo.jpg" "painting.jpg" "result.png" #:size 1024))'
;
; All files of a folder, into another folder that is there already:
;
; gimp-console -idf --quit --batch-interpreter=plug-in-script-fu-eval \
;     -b '(begin (load "stylize.scm") (stylize-folder "photos/*.jpg" "painting.jpg" "painted" #:size 1024))'
;
; Every option goes by its name. Each file that is written is a line on stdout. The exit code is 0, or 70 after a line
; on stderr that says what went wrong.

(script-fu-use-v3)

; Paint the picture file "content" in the style of another and save it; the suffix of "output" is its format.
(define (stylize-file content style output . options)
  (let* ((image (gimp-file-load RUN-NONINTERACTIVE content))
         (layer (gimp-image-merge-visible-layers image CLIP-TO-IMAGE))
         (is-done (catch #f
                    (apply plug-in-neural-style
                           (append (list #:run-mode RUN-NONINTERACTIVE #:image image #:drawables (vector layer)
                                         #:style-file style)
                                   options))
                    (gimp-file-save RUN-NONINTERACTIVE image output -1)
                    #t)))
    (gimp-image-delete image)
    (if (not is-done) (error (string-append content " was not painted.")))
    (display output)
    (newline)))

; Paint all picture files that fit a pattern such as "photos/*.jpg", under the same names in another folder.
; One that fails does not keep the others from being painted.
(define (stylize-folder contents style folder . options)
  (let ((paths (file-glob #:pattern contents #:filename-encoding TRUE))
        (failed 0))
    (if (null? paths) (error (string-append "No file fits " contents ".")))
    (for-each
      (lambda (path)
        (if (not (catch #f
                   (apply stylize-file path style (string-append folder DIR-SEPARATOR (file-name path)) options)
                   #t))
            (begin
              (gimp-message (string-append path " was not painted."))
              (set! failed (+ failed 1)))))
      paths)
    (if (> failed 0)
        (error (string-append (number->string failed) " of " (number->string (length paths)) " pictures failed.")))))

; The last part of a path.
(define (file-name path)
  (car (reverse (strbreakup path DIR-SEPARATOR))))
