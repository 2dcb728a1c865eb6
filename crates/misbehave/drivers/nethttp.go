// Go's net/http: a Transport like the default one for each lane. See README.md.
package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

const timeout = 2 * time.Second

func main() {
	tour, err := os.ReadFile(os.Getenv("MISBEHAVE_TOUR"))
	check(err)
	outcomes, err := os.OpenFile(os.Getenv("MISBEHAVE_OUTCOMES"), os.O_APPEND|os.O_WRONLY, 0o600)
	check(err)
	lane := ""
	var client *http.Client
	for _, line := range strings.Split(strings.TrimSpace(string(tour)), "\n") {
		column := strings.Split(line, "\t")
		if column[0] != lane {
			if client != nil {
				client.CloseIdleConnections()
			}
			lane = column[0]
			// It finds the certificate to trust by SSL_CERT_FILE.
			client = &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone(), Timeout: timeout}
		}
		id, method, url := column[1], column[2], column[3]
		length, err := strconv.Atoi(column[4])
		check(err)
		pause, err := strconv.Atoi(column[5])
		check(err)
		result, detail := ask(client, id, method, url, length)
		_, err = fmt.Fprintln(outcomes, strings.Join([]string{id, method, url, result, detail}, "\t"))
		check(err)
		time.Sleep(time.Duration(pause) * time.Millisecond)
	}
}

func ask(client *http.Client, id, method, url string, length int) (string, string) {
	var content io.Reader
	if method != "GET" {
		content = bytes.NewReader(bytes.Repeat([]byte("c"), length))
	}
	request, err := http.NewRequest(method, url, content)
	check(err)
	request.Header.Set("X-Request-Id", id)
	answer, err := client.Do(request)
	if err == nil {
		defer answer.Body.Close()
		_, err = io.Copy(io.Discard, answer.Body)
	}
	if err != nil {
		return "error", strings.Join(strings.Fields(err.Error()), " ")
	}
	return strconv.Itoa(answer.StatusCode), answer.Header.Get("X-Request-Id")
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
